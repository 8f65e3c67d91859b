import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Replica, Rig } from './rig.ts';
import { percent } from './settings.ts';
import type { Recovery } from './summary.ts';

const KILLS = 10;
/** Shorter than by default, so that ten dead leaders' leases do not take minutes. */
const QUICK_LEASE = [
  ['--leader-elect-lease-duration', '4s'],
  ['--leader-elect-renew-deadline', '3s'],
  ['--leader-elect-retry-period', '500ms'],
].flat();
/** From the start of the process: before the first list, while the old lease runs out, and in the middle of writing. */
const LIFE_MS = { min: 200, max: 9_000 };
/** Sooner, when a quick machine would have nothing left to do for those that follow. */
const DELETED_SHARE_MAX = 0.75;
const LOOK_MS = 20;

/** The controller is killed ten times at random moments, and started again each time. */
export async function killedTenTimes(rig: Rig): Promise<void> {
  const start = async () => await rig.startReplica({ args: QUICK_LEASE });
  let replica = await start();
  const rollout = await rig.change(percent(4));
  const deaths: { readonly atMs: number; readonly replica: Replica }[] = [];
  while (deaths.length < KILLS) {
    const fromMs = Date.now();
    const untilMs = fromMs + rig.random.between(LIFE_MS.min, LIFE_MS.max);
    const deletedMax = (rig.cluster.nodeNames.length * DELETED_SHARE_MAX * (deaths.length + 1)) / KILLS;
    while (Date.now() < untilMs && rollout.deletedPods < deletedMax) await delay(LOOK_MS);
    assert.ok(!rollout.isComplete, `complete after ${deaths.length} kills only`);
    await replica.updater.program.stop('SIGKILL');
    deaths.push({ atMs: Date.now(), replica });
    rig.say(`kill ${deaths.length}: ${Date.now() - fromMs} ms after it was ready, ${rollout.deletedPods} pods deleted`);
    replica = await start();
  }
  await rollout.reach(percent(100));
  const recoveries: Recovery[] = [];
  const writes = await rollout.writes();
  for (const [index, { atMs }] of deaths.entries()) {
    const nextDeathMs = deaths[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    const next = writes.find(({ receivedMs }) => receivedMs > atMs);
    if (next !== undefined && next.receivedMs < nextDeathMs) {
      recoveries.push({ what: 'SIGKILL', recoveryMs: next.receivedMs - atMs });
    }
  }
  const wrote = new Set(writes.map(({ credentialId }) => credentialId)).size;
  await rollout.judge({
    scenario: 'controller killed',
    faults: `${KILLS} × SIGKILL`,
    recoveries,
    notes: [
      `killed 0.2 to 9 s after it was ready; ${wrote} of ${KILLS + 1} processes came to write, the others were killed before they held the lease; a recovery is the time to the next process's first deletion`,
    ],
  });
}
