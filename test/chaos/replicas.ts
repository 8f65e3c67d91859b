import assert from 'node:assert/strict';
import { waitFor } from '../control-plane/processes.ts';
import { trespasses } from './judge.ts';
import { assertUnharmed, type Replica, type Rig } from './rig.ts';
import { percent } from './settings.ts';
import type { Recovery } from './summary.ts';

/** The defaults. */
export const LEASE_DURATION_MS = 15_000;
export const RENEW_DEADLINE_MS = 10_000;
/** The next process becomes leader: after its lease is over, or was given up. */
const AFTER_KILL_MS = LEASE_DURATION_MS + 5_000;
const AFTER_TERM_MS = 2_000;
export const LEADER_TIMEOUT_MS = 40_000;

/** The leader dies, and the next one is asked to end. */
export async function failover(rig: Rig): Promise<void> {
  const replicas = [await rig.startReplica(), await rig.startReplica()];
  await leaderOf(rig, replicas);
  const rollout = await rig.change(percent(4));
  const recoveries: Recovery[] = [];
  const fall = async (signal: 'SIGKILL' | 'SIGTERM', limitMs: number) => {
    const leader = await leaderOf(rig, replicas);
    const signalMs = Date.now();
    leader.updater.program.signal(signal);
    replicas.splice(replicas.indexOf(leader), 1);
    const recoveryMs = await waitFor(
      async () => {
        const next = (await rollout.writes()).find(
          (write) =>
            write.receivedMs > signalMs && write.credentialId !== leader.credentialId && write.httpStatus < 300,
        );
        return next === undefined ? undefined : next.receivedMs - signalMs;
      },
      { timeoutMs: LEADER_TIMEOUT_MS, pollMs: 200, what: `a write of another replica after ${signal}` },
    );
    rig.say(`${signal} to ${leader.name}: the other one wrote after ${recoveryMs} ms`);
    recoveries.push({ what: signal, recoveryMs });
    assert.ok(recoveryMs <= limitMs, `failover after ${signal} took ${recoveryMs} ms`);
    await leader.updater.program.ended();
    replicas.push(await rig.startReplica());
  };
  await rollout.reach(percent(10));
  await fall('SIGKILL', AFTER_KILL_MS);
  for (const share of [30, 45, 60, 75]) {
    await rollout.reach(percent(share));
    await fall('SIGTERM', AFTER_TERM_MS);
  }
  await rollout.reach(percent(100));
  const late = trespasses(await rollout.writes(), await rig.leases(), RENEW_DEADLINE_MS);
  assert.deepEqual(late, [], 'writes without the lease');
  for (const replica of replicas) await assertUnharmed(replica);
  await rollout.judge({
    scenario: 'leader killed, leaders ended',
    faults: 'SIGKILL, 4 × SIGTERM',
    recoveries,
    notes: ['a recovery is the time to the first deletion of the other replica; 0 writes without the lease'],
  });
}

/** Who wrote the lease last, by the audit log. */
export async function leaderOf(rig: Rig, replicas: readonly Replica[]): Promise<Replica> {
  return await waitFor(
    async () => {
      const newest = (await rig.leases()).at(-1);
      if (newest === undefined || newest.holder === '') return undefined;
      return replicas.find(({ credentialId }) => credentialId === newest.credentialId);
    },
    { timeoutMs: LEADER_TIMEOUT_MS, pollMs: 50, what: 'a leader' },
  );
}
