import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../control-plane/processes.ts';
import { metricOf } from '../control-plane/updater.ts';
import { trespasses } from './judge.ts';
import { ChaosProxy } from './proxy.ts';
import { LEADER_TIMEOUT_MS, LEASE_DURATION_MS, leaderOf, RENEW_DEADLINE_MS } from './replicas.ts';
import { assertUnharmed, type Replica, type Rig } from './rig.ts';
import { percent } from './settings.ts';

const PAUSE_MS = LEASE_DURATION_MS + 5_000;
/** Connections that the leader waits for when it is stopped; the main thread opens up to four of them, for events. */
const HELD_UNTIL_STOP = 12;
const FENCED_MIN = 8;

/**
 * The leader stands still for longer than its lease and goes on as if nothing was. It is stopped while deletions that it
 * has the right to send wait for connections: what it finds first when it goes on is that it can send them now.
 */
export async function leaderPaused(rig: Rig): Promise<void> {
  const proxy = await ChaosProxy.start(rig.plane);
  try {
    const leader = await rig.startReplica({ route: proxy.route });
    await leaderOf(rig, [leader]);
    const other = await rig.startReplica();
    const rollout = await rig.change(percent(40));
    await rollout.reach(percent(10));
    const { stoppedMs, heldCount } = await stopWhileDeletionsWait(proxy, leader);
    rig.say(
      `${leader.name} stopped while ${heldCount} connections were being opened, ${rollout.deletedPods} pods deleted`,
    );
    await delay(PAUSE_MS);
    rig.say(`${leader.name} goes on, ${rollout.deletedPods} pods deleted`);
    proxy.release();
    const goesOnMs = Date.now();
    leader.updater.program.signal('SIGCONT');
    await rollout.reach(percent(100));
    const writes = await rollout.writes();
    const ofOther = writes.find(({ credentialId }) => credentialId === other.credentialId);
    assert.ok(ofOther !== undefined, 'nobody took over');
    const ofLeader = writes.filter(({ credentialId }) => credentialId === leader.credentialId);
    const late = ofLeader.filter(({ receivedMs }) => receivedMs >= goesOnMs);
    rig.say(`${leader.name}: ${ofLeader.length} writes, ${late.length} after it went on`);
    assert.ok(ofLeader.length > 0, 'the old leader had written nothing');
    assert.deepEqual(late, [], 'the old leader wrote after it went on');
    const fencedCount = await waitFor(async () => await fencedOf(leader), {
      timeoutMs: LEADER_TIMEOUT_MS,
      what: `${FENCED_MIN} deletions that the old leader has kept back`,
    });
    assert.deepEqual(trespasses(writes, await rig.leases(), RENEW_DEADLINE_MS), [], 'writes without the lease');
    for (const replica of [leader, other]) await assertUnharmed(replica);
    await rollout.judge({
      scenario: 'leader paused past its lease',
      faults: `SIGSTOP for ${PAUSE_MS / 1000} s`,
      recoveries: [{ what: 'takeover', recoveryMs: ofOther.receivedMs - stoppedMs }],
      notes: [
        `stopped after ${ofLeader.length} deletions with ${fencedCount} waiting to be sent; when it went on it sent 0 of them; 0 writes without the lease`,
      ],
    });
  } finally {
    await proxy.stop();
  }
}

/** Takes the connections away on which deletions were sent; those that are due wait for new ones. Then the leader is stopped. */
async function stopWhileDeletionsWait(
  proxy: ChaosProxy,
  leader: Replica,
): Promise<{ readonly stoppedMs: number; readonly heldCount: number }> {
  let stopped: { stoppedMs: number; heldCount: number } | undefined;
  proxy.hold((heldCount) => {
    if (stopped === undefined && heldCount >= HELD_UNTIL_STOP) {
      leader.updater.program.signal('SIGSTOP');
      stopped = { stoppedMs: Date.now(), heldCount };
    }
  });
  for (const link of proxy.links) if (link.request?.kind === 'deletion') link.cut();
  return await waitFor(() => stopped, { timeoutMs: LEADER_TIMEOUT_MS, what: 'deletions that wait to be sent' });
}

/** Deletions that lanes did not send because the lease was over; undefined: fewer than there must be. */
async function fencedOf(replica: Replica): Promise<number | undefined> {
  const count = await metricOf(replica.updater, 'daemonpodupdater_tasks_total', { action: 'delete', code: 'fenced' });
  return count >= FENCED_MIN ? count : undefined;
}
