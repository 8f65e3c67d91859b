import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import type { LogFormat } from './options.ts';

export interface Logger {
  /** `message` is constant; what varies goes into `fields`. */
  log(level: LogLevel, message: string, fields: LogFields): void;
  /** A logger whose lines all carry these fields too. */
  with(fields: LogFields): Logger;
  /** Resolves when every line so far has left the process. */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Standard error by default: standard output belongs to reports. */
  readonly stream?: DestinationStream;
  readonly hasColor?: boolean;
}

/** So much may wait to be read, some 50,000 lines; then lines are dropped and counted. */
const WAITING_CHARACTERS_MAX = 16 * 1024 * 1024;
/** Never logged on purpose; should they ever be, under whatever object, they are not shown. */
const SECRET_KEYS = ['authorization', 'token', 'password', 'keyPem', 'certPem', 'clientKey', 'accessToken', 'headers'];
const STDERR = 2;

/**
 * Logs one line a decision, and one a write. A line is handed to the system at once, but nobody waits until it is taken: a log that is not
 * read for a while (a stalled disk) must not stop the event loop, and with it the lease. Of a crash the last lines are
 * written as the process ends; only a kill loses those that were still waiting.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { stream, flush } =
    options.stream === undefined ? standardError(told) : { stream: options.stream, flush: noFlush };
  const safe = safeStream(stream);
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
    },
    options.format === 'pretty' ? prettyStream(safe, options.hasColor ?? hasColor()) : safe,
  );
  return wrap(logger, flush);

  function told(count: number): void {
    logger.warn({ count }, 'log lines were dropped: nobody read them');
  }
}

async function noFlush(): Promise<void> {}

function wrap(logger: PinoLogger<never, boolean>, flush: () => Promise<void>): Logger {
  return {
    log: (level, message, fields) => logger[level](fields, message),
    with: (fields) => wrap(logger.child(fields), flush),
    flush,
  };
}

interface Output {
  readonly stream: DestinationStream;
  readonly flush: () => Promise<void>;
}

function standardError(onDropped: (count: number) => void): Output {
  const lines = destination({ fd: STDERR, sync: false, maxLength: WAITING_CHARACTERS_MAX });
  const waiting = new Set<() => void>();
  let isWriting = false;
  let dropped = 0;
  const written = (): void => {
    isWriting = false;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  lines.on('drop', () => {
    dropped += 1;
  });
  lines.on('drain', () => {
    written();
    const count = dropped;
    dropped = 0;
    if (count > 0) onDropped(count);
  });
  // Whoever read it is gone, or its disk is full: the work goes on.
  lines.on('error', written);
  const write = (line: string): void => {
    isWriting = true;
    lines.write(line);
  };
  return { stream: { write }, flush: () => new Promise((resolve) => (isWriting ? waiting.add(resolve) : resolve())) };
}

/** What JSON leaves as it is and a terminal may obey: C1 controls, line separators, and what turns text around. */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Whoever names a pod must not be able to write log lines of their own. */
function safeStream(stream: DestinationStream): DestinationStream {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return { write: (line) => stream.write(line.replaceAll(UNSAFE, escaped)) };
}

/** In this thread and at once: neither pino's transport worker nor a stream that is still full when the process ends. */
function prettyStream(stream: DestinationStream, colorize: boolean): DestinationStream {
  const format = prettyFactory({
    colorize,
    messageKey: 'message',
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => stream.write(format(line)) };
}

function hasColor(): boolean {
  return process.stderr.isTTY === true && (process.env.NO_COLOR ?? '') === '';
}
