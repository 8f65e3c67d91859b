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
  await rollout.complete();
  await assertUnharmed(replica);
  await rollout.judge({
    scenario: 'nodes NotReady and back',
    recoveries: [{ what: 'last return → complete', recoveryMs: Date.now() - lastReturnMs }],
    notes: [
      `${travellers.length} nodes were away for 0.5 to 8 s; one that returns with its pod still starting counts again, beyond the budget`,
    ],
    peakMargin: travellers.length,
  });
}
