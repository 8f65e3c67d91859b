import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ApiClient } from '../client/api.ts';
import { monotonicMs } from '../clock.ts';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import { RepeatedProblem } from '../controller/repeated-problem.ts';
import { ElectionMachine } from '../election/election-machine.ts';
import { Elector } from '../election/elector.ts';
import { KubernetesLeaseApi } from '../election/lease-api.ts';
import { NOTE_LOOK_MS, type NoteContent, NoteKeeper } from './note-keeper.ts';
import type { LeaderElectOptions } from './options.ts';
import type { Updater } from './updater.ts';

export interface LeadershipOptions {
  readonly updater: Pick<Updater, 'lead' | 'standBy'> & { readonly client: Pick<ApiClient, 'request'> };
  readonly election: LeaderElectOptions;
  readonly identity: string;
  /** Where the Lease is, unless the options name another namespace. */
  readonly namespace: string;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly onChange: (isLeader: boolean) => void;
  readonly note: NoteContent;
}

/** A process that leads, or waits to. */
export interface Election {
  /** See `Elector.retryNow`. */
  retryNow(): void;
  /** What the next leader has to know is written, then the lease is given up; see `Elector.release`. */
  release(): Promise<void>;
}

/** Who this process is, in the Lease and in events: unique, and readable. */
export function processIdentity(): string {
  return `${hostname()}_${randomUUID()}`;
}

/**
 * Connects the election to the updater: what is written is bounded by the lease, and a lost lease stops it at once. Nothing
 * is decided before it is known what the leader before remembered.
 */
export function startElection(options: LeadershipOptions): Election {
  const { updater, election, identity, log, onChange } = options;
  const machine = new ElectionMachine({ identity, timings: election.timings, random: Math.random });
  const namespace = election.resourceNamespace ?? options.namespace;
  const name = election.resourceName;
  const api = new KubernetesLeaseApi({
    request: (request) => updater.client.request(request),
    namespace,
    name,
    ...sayReached(log),
  });
  const keeper = new NoteKeeper({
    content: options.note,
    request: (request) => updater.client.request(request),
    namespace,
    leaseName: name,
    log,
    mayWrite: () => elector.isLeading(),
  });
  let isLeader = false;
  const change = (next: boolean, fields: LogFields): void => {
    if (isLeader === next) return;
    isLeader = next;
    log('info', next ? 'became leader' : 'stopped leading', { lease: `${namespace}/${name}`, ...fields });
    onChange(next);
  };
  let isPrepared = false;
  let right: readonly [untilMs: number, untilWallMs: number] = [0, 0];
  const takeOver = async (): Promise<void> => {
    if (!(await keeper.takeOver())) return;
    isPrepared = true;
    updater.lead(...right);
    await keeper.look();
  };
  const elector = new Elector(machine, api, {
    onLeading: (writeUntilMs, writeUntilWallMs) => {
      right = [writeUntilMs, writeUntilWallMs];
      if (isPrepared) updater.lead(...right);
      else if (!isLeader) void takeOver();
      change(true, { identity });
    },
    onLost: (reason) => {
      isPrepared = false;
      keeper.standBy();
      updater.standBy();
      change(false, { reason });
    },
    onLeaderObserved: (leader) => log('info', 'leader observed', { leader, isSelf: leader === identity }),
  });
  elector.start();
  const timer = setInterval(() => void keeper.look(), NOTE_LOOK_MS);
  return {
    retryNow: () => elector.retryNow(),
    release: async () => {
      clearInterval(timer);
      await keeper.flush();
      await elector.release();
    },
  };
}

/** An outage lasts for many attempts. */
function sayReached(log: LeadershipOptions['log']): { onProblem: (message: string) => void; onReached: () => void } {
  const problem = new RepeatedProblem();
  return {
    onProblem: (detail) => {
      const count = problem.failed(monotonicMs());
      if (count !== undefined) log('warn', 'lease not reached', count === 1 ? { detail } : { detail, count });
    },
    onReached: () => {
      const past = problem.succeeded(monotonicMs());
      if (past !== undefined) log('info', 'lease reached again', { ...past });
    },
  };
}
