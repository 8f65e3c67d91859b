import type { ApiRequest } from '../../src/client/api.ts';
import { createLeaseRequest, getLeaseRequest, updateLeaseRequest } from '../../src/client/requests.ts';
import type { ElectionEffect, ElectionInput } from '../../src/election/election-effects.ts';
import { ElectionMachine } from '../../src/election/election-machine.ts';
import { DEFAULT_ELECTION_TIMINGS } from '../../src/election/lease.ts';
import { leaseObject, leaseOf } from '../../src/election/lease-object.ts';
import { keyOf } from '../../src/simulator/objects.ts';
import type { Store } from '../../src/simulator/store.ts';
import type { Planned } from '../../src/simulator/timeline.ts';
import type { Network, SimAnswer } from './network.ts';
import type { SimProcess } from './process.ts';

export const LEASE = { namespace: 'default', name: 'daemonpodupdater' } as const;

/** Whom the Lease in the API server names; '' for nobody. */
export function holderOf(store: Store): string {
  const lease = store.get('leases', keyOf({ metadata: LEASE } as never));
  return (lease?.spec as { readonly holderIdentity?: string } | undefined)?.holderIdentity ?? '';
}

export interface CandidateOptions {
  readonly process: SimProcess;
  readonly network: Network;
  readonly random: () => number;
  readonly onLeading: (writeUntilMs: number, writeUntilWallMs: number) => void;
  readonly onLost: () => void;
  readonly onStopped: () => void;
}

/** The elector's shell in virtual time: one candidate for the lease in the simulated API server. */
export class Candidate {
  readonly #options: CandidateOptions;
  readonly #machine: ElectionMachine;
  #wake: Planned | undefined;

  constructor(options: CandidateOptions) {
    this.#options = options;
    const { process, random } = options;
    this.#machine = new ElectionMachine({ identity: process.id, timings: DEFAULT_ELECTION_TIMINGS, random });
  }

  get isLeading(): boolean {
    const { nowMs, wallMs } = this.#options.process;
    return this.#machine.isLeading(nowMs, wallMs);
  }

  start(): void {
    this.#feed({ type: 'tick' });
  }

  release(): void {
    this.#feed({ type: 'release' });
  }

  #feed(input: ElectionInput): void {
    const { process } = this.#options;
    if (process.isDead) return;
    for (const effect of this.#machine.handle(input, process.nowMs, process.wallMs)) this.#perform(effect);
  }

  #perform(effect: ElectionEffect): void {
    const { onLeading, onLost, onStopped, process } = this.#options;
    const { namespace, name } = LEASE;
    switch (effect.type) {
      case 'get':
        this.#send(getLeaseRequest({ ...LEASE, timeoutMs: effect.timeoutMs }), readInput);
        return;
      case 'create': {
        const object = leaseObject({ name, namespace }, effect.record);
        this.#send(createLeaseRequest({ namespace, object, timeoutMs: effect.timeoutMs }), writeInput);
        return;
      }
      case 'update': {
        const { record, resourceVersion, timeoutMs } = effect;
        const object = leaseObject({ name, namespace, resourceVersion }, record);
        this.#send(updateLeaseRequest({ ...LEASE, object, timeoutMs }), writeInput);
        process.reach('renewal');
        return;
      }
      case 'wake':
        process.timeline.cancel(this.#wake);
        this.#wake = process.at(Math.max(process.nowMs, effect.atMs) + 1, () => this.#feed({ type: 'tick' }));
        return;
      case 'became-leader':
      case 'renewed':
        onLeading(effect.writeUntilMs, this.#machine.writeUntilWallMs);
        return;
      case 'lost':
        onLost();
        return;
      case 'stopped':
        process.timeline.cancel(this.#wake);
        onStopped();
        return;
      case 'leader-observed':
        return;
    }
  }

  #send(request: ApiRequest, inputOf: (answer: SimAnswer) => ElectionInput): void {
    const { process, network } = this.#options;
    network.send(request, {
      from: process.id,
      timeoutMs: process.clock.span(request.timeoutMs),
      onAnswer: (answer) => process.run(() => this.#feed(inputOf(answer))),
    });
  }
}

function leaseIn(answer: SimAnswer): ReturnType<typeof leaseOf> {
  if (answer.kind === 'failure' || answer.response.kind !== 'object') return undefined;
  return leaseOf(answer.response.object);
}

function statusOf(answer: SimAnswer): number {
  return answer.kind === 'failure' ? 0 : answer.response.status;
}

function readInput(answer: SimAnswer): ElectionInput {
  if (statusOf(answer) === 404) return { type: 'lease-not-found' };
  const lease = leaseIn(answer);
  return lease === undefined ? { type: 'read-failed' } : { type: 'lease-read', lease };
}

function writeInput(answer: SimAnswer): ElectionInput {
  if (statusOf(answer) === 409) return { type: 'write-conflict' };
  const lease = leaseIn(answer);
  return lease === undefined ? { type: 'write-failed' } : { type: 'written', resourceVersion: lease.resourceVersion };
}
