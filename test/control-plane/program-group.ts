import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeControlGroups } from './control-groups.ts';
import type { ControlPlaneFiles } from './control-plane-files.ts';
import { Program } from './processes.ts';

export interface ProgramStart {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** The programs of one control plane, ended in the reverse order, by the reaper at the latest. */
export class ProgramGroup {
  readonly programs: Program[] = [];
  readonly #files: ControlPlaneFiles;
  readonly #controlGroups: string[] = [];
  readonly #tellReaper: (line: string) => void;

  constructor(files: ControlPlaneFiles, lifetimeMs: number) {
    this.#files = files;
    const reaperPath = join(import.meta.dirname, 'reaper.ts');
    const reaper = spawn(process.execPath, [reaperPath, files.directory, String(lifetimeMs)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // It must neither keep this process alive nor fail it: it ends when this end of the pipe is closed.
    reaper.unref();
    reaper.stdin.on('error', () => undefined);
    if ('unref' in reaper.stdin && typeof reaper.stdin.unref === 'function') reaper.stdin.unref();
    this.#tellReaper = (line) => void reaper.stdin.write(line);
  }

  prepare({ name, command, args, env }: ProgramStart): Program {
    const program = new Program({
      name,
      command,
      args,
      logDirectory: this.#files.logs,
      ...(env === undefined ? {} : { env }),
      onStarted: (pid) => this.#tellReaper(`+${pid}\n`),
      onEnded: (pid) => this.#tellReaper(`-${pid}\n`),
    });
    this.programs.push(program);
    return program;
  }

  start(options: ProgramStart): Program {
    const program = this.prepare(options);
    program.start();
    return program;
  }

  ownControlGroups(name: string): void {
    this.#controlGroups.push(name);
    this.#tellReaper(`g${name}\n`);
  }

  async logTails(): Promise<string> {
    return (await Promise.all(this.programs.map(async (program) => await program.logTail()))).join('\n');
  }

  async release(): Promise<void> {
    for (const program of this.programs.toReversed()) await program.stop('SIGTERM', 1_000);
    for (const name of this.#controlGroups) await removeControlGroups(name);
    await rm(this.#files.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
