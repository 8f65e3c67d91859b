import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { makeNodeNotReady, makeNodeReady } from '../control-plane/cluster.ts';
import { assertUnharmed, type Rig } from './rig.ts';
import { percent } from './settings.ts';

const LEAVING_WITHIN_MS = 15_000;
const AWAY_MS = { min: 500, max: 8_000 };

/** Nodes go NotReady at random moments, with their pods in whatever state they are, and return. */
export async function nodesComeAndGo(rig: Rig): Promise<void> {
  const { admin } = rig.plane;
  const replica = await rig.startReplica();
  const rollout = await rig.change(percent(6));
  await rollout.reach(1);
  const travellers = rig.random.sample(rig.cluster.nodeNames, percent(6)).map((node) => ({
    node,
    leavesInMs: rig.random.between(0, LEAVING_WITHIN_MS),
    awayMs: rig.random.between(AWAY_MS.min, AWAY_MS.max),
  }));
  const journeys = await Promise.allSettled(
    travellers.map(async ({ node, leavesInMs, awayMs }) => {
      await delay(leavesInMs);
      await makeNodeNotReady(admin, node);
      await delay(awayMs);
      await makeNodeReady(admin, node);
    }),
  );
  for (const journey of journeys) if (journey.status === 'rejected') throw journey.reason;
  const lastReturnMs = Date.now();
  rig.say(`${travellers.length} nodes went and came back, ${rollout.deletedPods} pods deleted by then`);
  const { unavailablePeak, cameUnavailable } = await rollout.complete();
  assert.ok(cameUnavailable > 0, 'every node that came back had an available pod');
  await assertUnharmed(replica);
  await rollout.judge({
    scenario: 'nodes NotReady and back',
    faults: `${travellers.length} nodes away`,
    recoveries: [{ what: 'last return → complete', recoveryMs: Date.now() - lastReturnMs }],
    notes: [
      `away for ${AWAY_MS.min / 1000} to ${AWAY_MS.max / 1000} s; ${cameUnavailable} came back without an available pod, and with those ${unavailablePeak} were unavailable at one time, through no deletion`,
    ],
  });
}
