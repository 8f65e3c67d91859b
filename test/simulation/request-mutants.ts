import type { ReflectorInput } from '../../src/cache/reflector-types.ts';
import type { WatchEvent } from '../../src/client/readers.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';
import { type Mutant, mutant, plant } from './mutant.ts';

type Requests = typeof import('../../src/client/requests.ts');
type Election = typeof import('../../src/election/election-machine.ts');
type Reflecting = typeof import('../../src/cache/reflector-machine.ts');
type Caching = typeof import('../../src/cache/store.ts');
type Backing = typeof import('../../src/dispatch/backoff.ts');
const REQUESTS = 'src/client/requests.ts';
const ELECTION = 'src/election/election-machine.ts';
const REFLECTOR = 'src/cache/reflector-machine.ts';
const STORE = 'src/cache/store.ts';
const BACKOFF = 'src/dispatch/backoff.ts';
const LEASE_MS = 15_000;

interface Body {
  readonly preconditions?: unknown;
  readonly metadata?: { readonly uid?: unknown };
}

/** A request whose body is another one. */
function reworded<T extends { readonly body?: unknown }>(request: T, reword: (body: Body) => Body): T {
  if (request.body === undefined) return request;
  return { ...request, body: JSON.stringify(reword(JSON.parse(String(request.body)) as Body)) };
}

/** Bugs in requests, streams, the lease and the queue. */
export const REQUEST_MUTANTS: readonly Mutant[] = [
  mutant(
    'no-uid-precondition',
    'precondition',
    'a deletion is not bound to the pod that was decided about',
    plant<Requests>(REQUESTS, {
      podRequest:
        (original) =>
        (...args) =>
          reworded(original(...args), ({ preconditions: _, ...others }) => others),
    }),
  ),
  mutant(
    'patch-without-uid',
    'precondition',
    'a mark is not bound to the pod that was decided about',
    plant<Requests>(REQUESTS, {
      podRequest:
        (original) =>
        (...args) =>
          reworded(original(...args), ({ metadata: _, ...others }) => others),
    }),
  ),
  mutant(
    'fence-ignored',
    'leader',
    'a write leaves after the right to write is over',
    plant<typeof import('../../workers/steps/departure.ts')>('workers/steps/departure.ts', {
      departure:
        (original) =>
        (isWrite, { deadlineMs }, nowMs, wallMs) =>
          original(isWrite, { deadlineMs, writeUntilMs: Number.POSITIVE_INFINITY }, nowMs, wallMs),
    }),
  ),
  mutant(
    'suspended-unnoticed',
    'leader',
    'a thread that goes on after the machine was suspended does not look at the wall clock',
    plant<typeof import('../../workers/steps/departure.ts')>('workers/steps/departure.ts', {
      departure:
        (original) =>
        (isWrite, { deadlineMs, writeUntilMs }, nowMs, wallMs) =>
          original(isWrite, { deadlineMs, writeUntilMs }, nowMs, wallMs),
    }),
  ),
  mutant(
    'lease-counted-from-answer',
    'leader',
    "the right to write lasts for the lease's duration from the renewal's answer",
    plant<Election>(ELECTION, {
      ElectionMachine: (Original) =>
        class extends Original {
          readonly #timings: { renewDeadlineMs: number };
          #askedAtMs = 0;

          constructor(options: ConstructorParameters<typeof Original>[0]) {
            const timings = { ...options.timings };
            super({ ...options, timings });
            this.#timings = timings;
          }

          override handle(...[input, nowMs, ...wallMs]: Parameters<InstanceType<typeof Original>['handle']>) {
            const { renewDeadlineMs } = this.#timings;
            if (input.type === 'written') this.#timings.renewDeadlineMs = nowMs - this.#askedAtMs + LEASE_MS;
            const effects = super.handle(input, nowMs, ...wallMs);
            this.#timings.renewDeadlineMs = renewDeadlineMs;
            if (effects.some(({ type }) => type === 'create' || type === 'update')) this.#askedAtMs = nowMs;
            return effects;
          }
        },
    }),
  ),
  mutant(
    'lease-stolen',
    'leader',
    'a candidate takes a lease that has not expired',
    plant<Election>(ELECTION, {
      ElectionMachine: (Original) =>
        class extends Original {
          override handle(...[input, ...times]: Parameters<InstanceType<typeof Original>['handle']>) {
            if (input.type !== 'lease-read') return super.handle(input, ...times);
            const { lease } = input;
            const record = { ...lease.record, holderIdentity: '' };
            return super.handle({ ...input, lease: { ...lease, record } }, ...times);
          }
        },
    }),
  ),
  mutant(
    'no-synthetic-deletes',
    'stale',
    'objects that vanished while the watch was gone stay in the cache',
    plant<Caching>(STORE, {
      Store: (Original) => {
        class Kept<T extends ObjectRecord> extends Original<T> {
          override removeKey() {
            return [];
          }
        }
        return Kept;
      },
    }),
  ),
  mutant(
    'resume-too-far',
    'liveness',
    'a watch that was cut resumes one version too far',
    plant<Reflecting>(REFLECTOR, {
      ReflectorMachine: (Original) => {
        class Hasty<T extends ObjectRecord> extends Original<T> {
          override handle(input: ReflectorInput<T>, nowMs: number) {
            const hasEvents = input.type === 'watch-ended' || input.type === 'watch-failed' || input.type === 'woke';
            return super.handle(input, nowMs).map((effect) => {
              if (!hasEvents || effect.type !== 'watch') return effect;
              return { ...effect, resourceVersion: String(Number(effect.resourceVersion) + 1) };
            });
          }
        }
        return Hasty;
      },
    }),
  ),
  mutant(
    'gone-is-retried',
    'liveness',
    'a watch that is out of date is tried again instead of listing',
    plant<Reflecting>(REFLECTOR, {
      ReflectorMachine: (Original) => {
        class Stubborn<T extends ObjectRecord> extends Original<T> {
          override handle(input: ReflectorInput<T>, nowMs: number) {
            if (input.type === 'watch-failed' && input.failure.code === 'gone') {
              return super.handle({ ...input, failure: { ...input.failure, code: 'internal' } }, nowMs);
            }
            if (input.type !== 'events') return super.handle(input, nowMs);
            const events = input.events.map((event): WatchEvent<T> => {
              if (event.type !== 'error' || event.error.code !== 'gone') return event;
              return { ...event, error: { ...event.error, code: 'internal' } };
            });
            return super.handle({ ...input, events }, nowMs);
          }
        }
        return Stubborn;
      },
    }),
  ),
  mutant(
    'readable-unheard',
    'liveness',
    'an object that can be read again as it was is no news',
    plant<Caching>(STORE, {
      Store: (Original) => {
        class Deaf<T extends ObjectRecord> extends Original<T> {
          override upsert(object: T) {
            const before = this.get(object.namespace, object.name);
            const deltas = super.upsert(object);
            const wasUnreadable = before?.unreadable !== undefined && before.uid === object.uid;
            return wasUnreadable ? [] : deltas;
          }
        }
        return Deaf;
      },
    }),
  ),
  mutant(
    'two-lanes-a-slot',
    'one-a-slot',
    'a slot that a lane works on is queued again',
    plant<typeof import('../../src/dispatch/keyed-queue.ts')>('src/dispatch/keyed-queue.ts', {
      KeyedQueue: (Original) =>
        class extends Original {
          override add(slot: Parameters<InstanceType<typeof Original>['add']>[0], nowMs: number): boolean {
            for (const lane of this.lanes()) if (this.processingSlots(lane).includes(slot)) this.done(slot, nowMs);
            return super.add(slot, nowMs);
          }
        },
    }),
  ),
  mutant(
    'no-backoff',
    'backoff',
    'what was refused is tried again at once',
    plant<Backing>(BACKOFF, {
      backoffMs:
        () =>
        ({ atLeastMs }) =>
          atLeastMs,
    }),
  ),
  mutant(
    'retry-after-ignored',
    'retry-after',
    'Retry-After is not waited for',
    plant<Backing>(BACKOFF, { backoffMs: (original) => (input) => original({ ...input, atLeastMs: 0 }) }),
  ),
];
