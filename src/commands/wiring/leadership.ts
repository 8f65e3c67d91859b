import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ApiClient } from '../../client/api.ts';
import { monotonicMs } from '../../clock.ts';
import type { LogFields, LogLevel } from '../../controller/ports.ts';
import { RepeatedProblem } from '../../controller/repeated-problem.ts';
import { ElectionMachine } from '../../election/election-machine.ts';
import { Elector } from '../../election/elector.ts';
import { KubernetesLeaseApi } from '../../election/lease-api.ts';
import { NOTE_ANNOTATION } from '../../kube/annotations.ts';
import type { LeaderElectOptions } from '../options.ts';
import type { Updater } from './updater.ts';

export interface LeadershipOptions {
  readonly updater: Pick<Updater, 'lead' | 'standBy'> & { readonly client: Pick<ApiClient, 'request'> };
  readonly election: LeaderElectOptions;
  readonly identity: string;
  /** Where the Lease is, unless the options name another namespace. */
  readonly namespace: string;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly onChange: (isLeader: boolean) => void;
  /** What `status` shows of the leader, wherever it is called. */
  readonly note: () => string;
}

/** Who this process is, in the Lease and in events: unique, and readable. */
export function processIdentity(): string {
  return `${hostname()}_${randomUUID()}`;
}

/** Connects the election to the updater: what is written is bounded by the lease, and a lost lease stops it at once. */
export function startElection(options: LeadershipOptions): Elector {
  const { updater, election, identity, log, onChange } = options;
  const machine = new ElectionMachine({ identity, timings: election.timings, random: Math.random });
  const namespace = election.resourceNamespace ?? options.namespace;
  const name = election.resourceName;
  const api = new KubernetesLeaseApi({
    request: (request) => updater.client.request(request),
    namespace,
    name,
    ...sayReached(log),
    note: {
      annotation: NOTE_ANNOTATION,
      text: options.note,
      onFailed: sayRepeated(new RepeatedProblem(), (fields) => log('error', 'lease written without a note', fields)),
    },
  });
  let isLeader = false;
  const change = (next: boolean, fields: LogFields): void => {
    if (isLeader === next) return;
    isLeader = next;
    log('info', next ? 'became leader' : 'stopped leading', { lease: `${namespace}/${name}`, ...fields });
    onChange(next);
  };
  const elector = new Elector(machine, api, {
    onLeading: (writeUntilMs) => {
      updater.lead(writeUntilMs);
      change(true, { identity });
    },
    onLost: (reason) => {
      updater.standBy();
      change(false, { reason });
    },
    onLeaderObserved: (leader) => log('info', 'leader observed', { leader, isSelf: leader === identity }),
  });
  elector.start();
  return elector;
}

/** An outage lasts for many attempts. */
function sayReached(log: LeadershipOptions['log']): { onProblem: (message: string) => void; onReached: () => void } {
  const problem = new RepeatedProblem();
  return {
    onProblem: sayRepeated(problem, (fields) => log('warn', 'lease not reached', fields)),
    onReached: () => {
      const past = problem.succeeded(monotonicMs());
      if (past !== undefined) log('info', 'lease reached again', { ...past });
    },
  };
}

function sayRepeated(problem: RepeatedProblem, say: (fields: LogFields) => void): (message: string) => void {
  return (detail) => {
    const count = problem.failed(monotonicMs());
    if (count !== undefined) say(count === 1 ? { detail } : { detail, count });
  };
}
