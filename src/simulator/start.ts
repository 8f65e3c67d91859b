import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Condition, ControlAnswer, RemoteControl } from './control.ts';
import type { FaultRates } from './faults.ts';
import type { ScenarioOptions } from './scenario.ts';

export interface SimulatorSettings {
  readonly scenario: Partial<ScenarioOptions>;
  /** How much quicker than the wall clock the cluster's time runs. */
  readonly speed: number;
  /** Virtual time at the start. */
  readonly startMs: number;
  readonly latencyMs: number;
  /** How far clients' views may lag, in wall-clock time, without the observer minding. */
  readonly lagMs: number;
  readonly bookmarkIntervalMs: number;
  readonly historyEventsMax: number;
  readonly unreadBytesMax: number;
  readonly faults: Partial<FaultRates>;
  /** The only bearer tokens that are accepted; undefined: anybody is. */
  readonly tokens: readonly string[] | undefined;
  /** Tokens that may read and no more. */
  readonly restrictedTokens: readonly string[];
  readonly certPem: string | undefined;
  readonly keyPem: string | undefined;
}

const DEFAULTS: Omit<SimulatorSettings, 'startMs' | 'scenario'> = {
  speed: 1,
  latencyMs: 0,
  lagMs: 1000,
  bookmarkIntervalMs: 60_000,
  historyEventsMax: 50_000,
  unreadBytesMax: 16_777_216,
  faults: {},
  tokens: undefined,
  restrictedTokens: [],
  certPem: undefined,
  keyPem: undefined,
};

const POLL_MS = 20;

export interface Simulator {
  /** Base URL on a loopback port, without a trailing '/'. */
  readonly url: string;
  /** `namespace/name` of the scenario's DaemonSets. */
  readonly daemonSets: readonly string[];
  readonly control: RemoteControl;
  /** Resolves with true as soon as the condition holds, with false when it does not within `timeoutMs`. */
  waitFor(condition: Condition, timeoutMs: number): Promise<boolean>;
  /** Stops the server and its thread; what is still asked of the control is rejected. */
  close(): Promise<void>;
}

type Pending = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

/** Starts a simulated cluster and its HTTP face in a thread of its own. */
export async function startSimulator(options: Partial<SimulatorSettings> = {}): Promise<Simulator> {
  const startMs = options.startMs ?? Date.now();
  const settings: SimulatorSettings = { ...DEFAULTS, scenario: {}, ...options, startMs };
  const worker = new Worker(new URL('./face-thread.ts', import.meta.url), { workerData: settings });
  const [{ url, daemonSets }] = (await once(worker, 'message')) as [{ url: string; daemonSets: readonly string[] }];
  const pending = new Map<number, Pending>();
  let calls = 0;
  let isClosed = false;
  const fail = (error: Error): void => {
    isClosed = true;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  worker.on('message', (answer: ControlAnswer) => {
    const waiting = pending.get(answer.id);
    pending.delete(answer.id);
    if ('error' in answer) waiting?.reject(new Error(`simulator: ${answer.error}`));
    else waiting?.resolve(answer.value);
  });
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the simulator has stopped')));
  const call = (method: string, values: readonly unknown[]): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (isClosed) return Promise.reject(new Error('the simulator has stopped'));
    calls += 1;
    pending.set(calls, { resolve, reject });
    worker.postMessage({ id: calls, method, values });
    return promise;
  };
  const control = remoteControl(call);
  return {
    url,
    daemonSets,
    control,
    waitFor: (condition, timeoutMs) => waitFor(control, condition, timeoutMs),
    close: async () => {
      if (isClosed) return;
      const exited = once(worker, 'exit');
      worker.postMessage({ id: 0, method: 'close', values: [] });
      await exited;
    },
  };
}

function remoteControl(call: (method: string, values: readonly unknown[]) => Promise<unknown>): RemoteControl {
  return new Proxy({} as RemoteControl, {
    get(_target, name) {
      // A proxy that answers to `then` would be taken for a promise.
      if (typeof name !== 'string' || name === 'then') return undefined;
      return (...values: readonly unknown[]) => call(name, values);
    },
  });
}

async function waitFor(control: RemoteControl, condition: Condition, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    if (await control.isMet(condition)) return true;
    if (performance.now() >= deadlineMs) return false;
    await sleep(POLL_MS);
  }
}
