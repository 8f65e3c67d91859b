import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logDirectory: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly onStarted?: (pid: number) => void;
  readonly onEnded?: (pid: number) => void;
}

/** A program that runs as a child, writes its log to a file, and can be killed and started again. */
export class Program {
  readonly name: string;
  readonly logPath: string;
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: ProgramOptions) {
    this.name = options.name;
    this.#options = options;
    this.logPath = join(options.logDirectory, `${options.name}.log`);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The exit code of the last run; undefined while it runs, and when a signal ended it. */
  get exitCode(): number | undefined {
    return this.#child?.exitCode ?? undefined;
  }

  start(): void {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const { command, args, env, onStarted, onEnded } = this.#options;
    const log = openSync(this.logPath, 'a');
    const child = spawn(command, args, { stdio: ['ignore', log, log], ...(env === undefined ? {} : { env }) });
    closeSync(log);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => {
        if (child.pid !== undefined) onEnded?.(child.pid);
        resolve();
      });
    });
    if (child.pid !== undefined) onStarted?.(child.pid);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async ended(): Promise<void> {
    await this.#exited;
  }

  /** Ends it: with the signal first, and with SIGKILL when that takes longer than the grace. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 3_000): Promise<void> {
    if (!this.isRunning) return;
    this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  async log(): Promise<string> {
    return await readFile(this.logPath, 'utf8').catch(() => '');
  }

  async logTail(lineCount = 20): Promise<string> {
    const lines = (await this.log()).trimEnd().split('\n').slice(-lineCount);
    return `--- ${this.name} (last ${lines.length} lines of ${this.logPath})\n${lines.join('\n')}`;
  }

  /** CPU time used since it was started, of all its threads; from /proc, so Linux only. */
  async cpuSeconds(): Promise<number> {
    const text = await readFile(`/proc/${this.pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may hold spaces; user and system time are fields 14 and 15.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticksPerSecond = 100;
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** The most memory it ever had resident; from /proc, so Linux only. */
  async peakRssBytes(): Promise<number> {
    const text = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
  }
}

/**
 * Below all that systems hand out by themselves (Linux from 32768, others from 49152), so that no connection takes one of
 * them before it is used, or while a server that had it starts again.
 */
const PORTS = { min: 15_000, max: 32_000 };

/** Ports of the loopback interface that were free just now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(PORTS.min, PORTS.max);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly pollMs?: number;
  /** What is waited for, for the message when it does not happen. */
  readonly what: string;
}

/** Resolves with the condition's first answer that is neither undefined nor false; an exception ends the waiting. */
export async function waitFor<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs, pollMs = POLL_MS, what }: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await delay(pollMs);
  }
}

/** Runs the function over the items, so many at a time. */
export async function forEachConcurrently<T>(
  items: Iterable<T>,
  concurrency: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await run(next.value);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
