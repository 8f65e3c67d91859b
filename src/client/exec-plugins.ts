import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { systemCodeOf } from './credential-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The credential plugins that run now, so that one that hangs can be ended together with whatever it started. */
export class ExecPlugins {
  readonly #running = new Set<ChildProcess>();
  readonly #onSignal = (signal: NodeJS.Signals) => this.#forward(signal);

  /** Stands in for `spawn` where client-node runs a plugin. */
  readonly spawn = (command: string, args: readonly string[] | undefined, options: SpawnOptions): ChildProcess => {
    // Before it starts: a plugin can be at work before `spawn` returns, and a signal then would leave it behind.
    if (this.#running.size === 0) for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    try {
      // A group of its own: most plugins are scripts, and ending a script does not end what it waits for. Whoever asks a question gets no answer.
      const child = spawn(command, args ?? [], { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      this.#running.add(child);
      child.once('close', () => this.#forget(child));
      return child;
    } finally {
      this.#stopListeningIfIdle();
    }
  };

  endAll(): void {
    for (const child of this.#running) {
      endGroup(child);
      this.#forget(child);
    }
  }

  #forget(child: ChildProcess): void {
    if (this.#running.delete(child)) this.#stopListeningIfIdle();
  }

  #stopListeningIfIdle(): void {
    if (this.#running.size > 0) return;
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  /** A terminal's Ctrl-C does not reach a group of its own. */
  #forward(signal: NodeJS.Signals): void {
    this.endAll();
    // Nobody else listens: the signal does what it does by itself.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  }
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // No such group: it has ended, or this system has no groups.
    if (systemCodeOf(error) === '') throw error;
    child.kill('SIGKILL');
  }
}
