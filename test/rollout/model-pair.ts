import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Task } from '../../src/protocol/task.ts';
import { Rollout } from '../../src/rollout/rollout.ts';
import { DS_UID, KEY, T0 } from './records.ts';
import { Reference } from './reference.ts';

/** The system and its reference, fed with the same. */
export class Pair {
  readonly rollout = new Rollout({ key: KEY, namespace: 'kube-system', name: 'agent', uid: DS_UID });
  readonly reference = new Reference();
  readonly tasks = new Map<string, Task>();
  nowMs = T0;
  podCount = 0;

  event(change: (nowMs: number) => void): void {
    this.reference.settle(this.nowMs);
    change(this.nowMs);
    this.reference.settle(this.nowMs);
  }

  compare(): void {
    const { nowMs, rollout, reference } = this;
    rollout.tick(nowMs);
    reference.settle(nowMs);
    assert.deepEqual({ ...rollout.counts() }, reference.counts(nowMs));
    const plan = rollout.plan(nowMs);
    assert.deepEqual(
      Object.fromEntries(plan.map(({ node: name, reason }) => [name, reason])),
      reference.reasons(nowMs),
    );
    const refused = rollout.refusals().flatMap(({ action, nodes }) => nodes.map((name) => `${name} ${action}`));
    assert.deepEqual(refused.sort(), reference.refused(nowMs));
    assert.equal(rollout.blocked() !== undefined, reference.isBlocked);
    const wakeMs = rollout.nextWakeMs();
    assert.ok(wakeMs === undefined || wakeMs > nowMs, 'a wake-up in the past would never end');
    // Looking must not change anything.
    assert.deepEqual({ ...rollout.counts() }, reference.counts(nowMs));
  }
}

export type Step = (pair: Pair) => void;

/** Steps print as what they do, so that a counterexample can be read. */
export function steps<T>(name: string, arbitrary: fc.Arbitrary<T>, make: (value: T) => Step): fc.Arbitrary<Step> {
  return arbitrary.map((value) =>
    Object.assign((pair: Pair) => make(value)(pair), { [fc.toStringMethod]: () => `${name} ${JSON.stringify(value)}` }),
  );
}

export const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];
export const HASHES = ['red', 'blue'];
export const arbName = fc.constantFrom(...NAMES);
