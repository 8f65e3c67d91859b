import type { ListWatchFailure } from '../../src/cache/list-watch-failure.ts';
import {
  type ReflectorEffect,
  type ReflectorInput,
  ReflectorMachine,
  type ReflectorMachineOptions,
} from '../../src/cache/reflector-machine.ts';
import type { WatchEvent } from '../../src/client/readers.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';

export interface Thing extends ObjectRecord {
  readonly value: number;
}

export type Effect = ReflectorEffect<Thing>;
export type Input = ReflectorInput<Thing>;
/** Every member of the union without the number, which the driver adds. */
export type Unnumbered<I> = I extends unknown ? Omit<I, 'request'> : never;

export function thing(name: string, resourceVersion: string, changes: Partial<Thing> = {}): Thing {
  return { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion, value: 0, ...changes };
}

export function failure(code: ListWatchFailure['code'], changes: Partial<ListWatchFailure> = {}): ListWatchFailure {
  return { code, message: code, httpStatus: 0, retryAfterMs: 0, isVersionTooLarge: false, ...changes };
}

/** Runs the machine in virtual time and writes down, in short, what it wants. */
export class Driver {
  readonly machine: ReflectorMachine<Thing>;
  nowMs = 1_000_000;
  request = 0;

  constructor(options: Partial<ReflectorMachineOptions<Thing>> = {}) {
    this.machine = new ReflectorMachine<Thing>({ random: () => 0.5, ...options });
  }

  give(input: Unnumbered<Input>): string[] {
    const full = { ...input, request: this.request } as Input;
    return this.machine.handle(full, this.nowMs).map((effect) => this.describe(effect));
  }

  describe(effect: Effect): string {
    if ('request' in effect) this.request = effect.request;
    switch (effect.type) {
      case 'list':
        return `list rv=${effect.resourceVersion} limit=${effect.limit} continue=${effect.continueToken}`;
      case 'watch':
        return `watch rv=${effect.resourceVersion} for ${effect.timeoutSeconds} s`;
      case 'sleep':
        return `sleep ${effect.delayMs}`;
      case 'deltas':
        return effect.deltas
          .map((delta) => `${delta.type} ${delta.object.name}@${delta.object.resourceVersion}`)
          .join(', ');
      case 'synced':
      case 'fresh':
        return effect.type;
      case 'problem':
        return `problem ${effect.problem.phase} ${effect.problem.code} ${effect.problem.retryInMs}`;
    }
  }

  page(items: readonly Thing[], resourceVersion: string, continueToken = ''): string[] {
    return this.give({ type: 'page', items, resourceVersion, continueToken });
  }

  events(...events: readonly WatchEvent<Thing>[]): string[] {
    return this.give({ type: 'events', events });
  }

  /** Started, listed and watching from `resourceVersion`. */
  static watching(items: readonly Thing[], resourceVersion: string): Driver {
    const driver = new Driver();
    driver.give({ type: 'start' });
    driver.page(items, resourceVersion);
    return driver;
  }

  get names(): string[] {
    return [...this.machine.store.values()].map((item) => `${item.name}@${item.resourceVersion}`);
  }
}
