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

/** Never logged on purpose; should they ever be, under whatever object, they are not shown. */
const SECRET_KEYS = ['authorization', 'token', 'password', 'keyPem', 'certPem', 'clientKey', 'accessToken', 'headers'];
const STDERR = 2;

/**
 * Logs one line a decision. Lines are written synchronously: few are written, and the last ones before a crash are those
 * that are needed.
 */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? destination({ fd: STDERR, sync: true });
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
  return wrap(logger);
}

function wrap(logger: PinoLogger<never, boolean>): Logger {
  return {
    log: (level, message, fields) => logger[level](fields, message),
    with: (fields) => wrap(logger.child(fields)),
    flush: () => new Promise((resolve) => logger.flush(() => resolve())),
  };
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
