import { test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../runs.ts';
import {
  arbDaemonSet,
  arbNode,
  arbNodeFlips,
  arbNodeGone,
  arbNodeUnreadable,
  arbPod,
  arbPodLife,
  arbPodUnreadable,
  arbRevision,
  arbStale,
  arbSynced,
  arbTime,
  arbUnreadable,
} from './model-cluster-steps.ts';
import { NAMES, Pair, type Step } from './model-pair.ts';
import { arbAgain, arbFlood, arbOutcome, arbRelease, arbSelect, arbTask } from './model-task-steps.ts';
import { budget, daemonSet, node, pod, revision, T0 } from './records.ts';

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: arbNode, weight: 4 },
  { arbitrary: arbNodeFlips, weight: 4 },
  { arbitrary: arbNodeGone, weight: 1 },
  { arbitrary: arbNodeUnreadable, weight: 2 },
  { arbitrary: arbUnreadable, weight: 1 },
  { arbitrary: arbPod, weight: 8 },
  { arbitrary: arbPodLife, weight: 8 },
  { arbitrary: arbPodUnreadable, weight: 2 },
  { arbitrary: arbRevision, weight: 2 },
  { arbitrary: arbDaemonSet, weight: 3 },
  { arbitrary: arbSynced, weight: 1 },
  { arbitrary: arbStale, weight: 2 },
  { arbitrary: arbTime, weight: 6 },
  { arbitrary: arbSelect, weight: 10 },
  { arbitrary: arbTask, weight: 12 },
  { arbitrary: arbOutcome, weight: 8 },
  { arbitrary: arbRelease, weight: 1 },
  { arbitrary: arbAgain, weight: 4 },
  { arbitrary: arbFlood, weight: 3 },
);

/** Steps are functions; what fast-check prints of a failure is the seed, which repeats it. */
test('rollout: any sequence of events → counts, plan, selection and tasks as computed from scratch', () => {
  fc.assert(
    fc.property(fc.array(arbStep, { minLength: 10, maxLength: 100, size: 'max' }), (steps) => {
      const pair = new Pair();
      pair.event(() => {
        const record = daemonSet({
          annotations: budget('2', {
            'daemonpodupdater.io/progress-deadline-seconds': '120',
            'daemonpodupdater.io/force-delete-stuck': 'true',
          }),
        });
        pair.rollout.setDaemonSet(record, pair.nowMs);
        pair.reference.daemonSet = record;
        const first = revision('red', 1, { createdAtMs: T0 - 3_600_000 });
        pair.rollout.upsertRevision(first, pair.nowMs);
        pair.reference.revisions.set(first.uid, first);
        for (const name of NAMES) {
          pair.rollout.upsertNode(node(name), pair.nowMs);
          pair.reference.upsertNode(node(name), pair.nowMs);
          const old = pod(name, 'blue', { uid: `${name}-blue-0` });
          pair.rollout.upsertPod(old, pair.nowMs);
          pair.reference.upsertPod(old, pair.nowMs);
        }
        pair.rollout.setSynced(true, pair.nowMs);
        pair.reference.settle(pair.nowMs);
        pair.reference.setSynced(true, pair.nowMs);
      });
      for (const step of steps) {
        pair.event(() => step(pair));
        pair.compare();
      }
    }),
    { numRuns: runs(500) },
  );
});
