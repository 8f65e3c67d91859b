import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../control-plane/processes.ts';
import { trespasses } from './judge.ts';
import { ChaosProxy } from './proxy.ts';
import { assertUnharmed, type Replica, type Rig } from './rig.ts';
import { percent } from './settings.ts';
import type { Recovery } from './summary.ts';

/** The defaults. */
const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
/** The next process becomes leader: after its lease is over, or was given up. */
const AFTER_KILL_MS = LEASE_DURATION_MS + 5_000;
const AFTER_TERM_MS = 2_000;
const PAUSE_MS = LEASE_DURATION_MS + 5_000;
/** The main thread opens up to four, for the lease and events; the others are for deletions. */
const CONNECTIONS_UNTIL_STOP = 8;
const LEADER_TIMEOUT_MS = 40_000;

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
  await rollout.judge({ scenario: 'leader killed, leaders ended', recoveries, notes: ['0 writes without the lease'] });
}

/**
 * The leader stands still for longer than its lease and goes on as if nothing was. It is stopped while it opens connections
 * for deletions that it has the right to send: what it finds first when it goes on is that it can send them now.
 */
export async function leaderPaused(rig: Rig): Promise<void> {
  const proxy = await ChaosProxy.start(rig.plane);
  try {
    const leader = await rig.startReplica({ route: proxy.route });
    await leaderOf(rig, [leader]);
    const other = await rig.startReplica();
    let stoppedMs = 0;
    let connections = 0;
    proxy.onConnection = () => {
      connections += 1;
      if (connections !== CONNECTIONS_UNTIL_STOP) return;
      leader.updater.program.signal('SIGSTOP');
      stoppedMs = Date.now();
    };
    const rollout = await rig.change(percent(40));
    await waitFor(() => stoppedMs > 0, { timeoutMs: LEADER_TIMEOUT_MS, what: 'the leader to open connections' });
    rig.say(`${leader.name} stopped, ${rollout.deletedPods} pods deleted`);
    await delay(PAUSE_MS);
    rig.say(`${leader.name} goes on, ${rollout.deletedPods} pods deleted`);
    const goesOnMs = Date.now();
    leader.updater.program.signal('SIGCONT');
    await rollout.reach(percent(100));
    const writes = await rollout.writes();
    const ofOther = writes.find(({ credentialId }) => credentialId === other.credentialId);
    assert.ok(ofOther !== undefined, 'nobody took over');
    const ofLeader = writes.filter(({ credentialId }) => credentialId === leader.credentialId);
    const late = ofLeader.filter(({ receivedMs }) => receivedMs >= goesOnMs);
    rig.say(`${leader.name}: ${ofLeader.length} writes, ${late.length} of them after it went on`);
    assert.deepEqual(late, [], 'the old leader wrote after it went on');
    assert.deepEqual(trespasses(writes, await rig.leases(), RENEW_DEADLINE_MS), [], 'writes without the lease');
    for (const replica of [leader, other]) await assertUnharmed(replica);
    await rollout.judge({
      scenario: 'leader paused past its lease',
      recoveries: [{ what: 'takeover', recoveryMs: ofOther.receivedMs - stoppedMs }],
      notes: [
        `the old leader had sent ${ofLeader.length} writes, and none after it went on; 0 writes without the lease`,
      ],
    });
  } finally {
    await proxy.stop();
  }
}

/** Who wrote the lease last, by the audit log. */
async function leaderOf(rig: Rig, replicas: readonly Replica[]): Promise<Replica> {
  return await waitFor(
    async () => {
      const newest = (await rig.leases()).at(-1);
      if (newest === undefined || newest.holder === '') return undefined;
      return replicas.find(({ credentialId }) => credentialId === newest.credentialId);
    },
    { timeoutMs: LEADER_TIMEOUT_MS, pollMs: 50, what: 'a leader' },
  );
}
