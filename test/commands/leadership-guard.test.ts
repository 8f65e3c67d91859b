import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ApiResponse } from '../../src/client/api.ts';
import { leaseObject } from '../../src/election/lease-object.ts';
import { LeadershipGuard } from '../../src/manager/leadership-guard.ts';
import { DEFAULT_LEADER_ELECT } from '../../src/manager/options.ts';
import { eventually } from '../client/local-server.ts';

interface Lease {
  readonly namespace: string;
  readonly acquiredAgoMs: number;
}

/** A guard in namespace `mine` that is answered with these leases, or refused. */
function guarded(t: TestContext, answers: () => readonly Lease[] | 'forbidden') {
  const lines: { level: string; message: string }[] = [];
  const state = { isRefused: false, looks: 0 };
  const guard = new LeadershipGuard({
    request: async ({ path }): Promise<ApiResponse> => {
      if (!path.includes('/namespaces/')) state.looks += 1;
      const leases = answers();
      const object =
        leases === 'forbidden'
          ? { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no right' }
          : { items: leases.map(leaseIn) };
      const body = new TextEncoder().encode(JSON.stringify(object));
      const status = leases === 'forbidden' ? 403 : 200;
      return { kind: 'answer', status, retryAfterMs: 0, contentType: 'application/json', body };
    },
    options: { leaderElect: DEFAULT_LEADER_ELECT, namespaces: [], isDryRun: false },
    namespace: 'mine',
    isInCluster: false,
    log: (level, message) => lines.push({ level, message }),
    onRefused: () => {
      state.isRefused = true;
    },
    lookIntervalMs: 1,
  });
  t.after(() => guard.close());
  return { guard, lines, state };
}

function leaseIn({ namespace, acquiredAgoMs }: Lease): unknown {
  const nowMs = Date.now();
  const record = {
    holderIdentity: `in-${namespace}`,
    leaseDurationSeconds: 15,
    leaseTransitions: 0,
    renewTimeMs: nowMs,
  };
  const metadata = { name: 'daemonpodupdater', namespace, resourceVersion: '1' };
  return leaseObject(metadata, { ...record, acquireTimeMs: nowMs - acquiredAgoMs });
}

const OURS: Lease = { namespace: 'mine', acquiredAgoMs: 60_000 };

test('trust 15: while it leads another one has led for longer → this one has to end', async (t) => {
  let leases = [OURS];
  const { guard, lines, state } = guarded(t, () => leases);
  const watching = guard.watch();
  await eventually('it looked', () => state.looks > 2);
  assert.deepEqual([state.isRefused, lines], [false, []]);
  leases = [OURS, { namespace: 'theirs', acquiredAgoMs: 90_000 }];
  await watching;
  assert.equal(state.isRefused, true);
  assert.deepEqual(lines, [{ level: 'error', message: 'another controller leads' }]);
});

test('trust 15: while it leads another one begins to → a warning, and it goes on', async (t) => {
  const { guard, lines, state } = guarded(t, () => [OURS, { namespace: 'theirs', acquiredAgoMs: 1_000 }]);
  const watching = guard.watch();
  await eventually('it looked', () => state.looks > 2);
  guard.close();
  await watching;
  assert.equal(state.isRefused, false);
  assert.deepEqual(lines[0], { level: 'warn', message: 'another controller leads too' });
});

test('trust 15: while it leads it may not look → it stops looking', async (t) => {
  const { guard, lines, state } = guarded(t, () => 'forbidden');
  await guard.watch();
  assert.deepEqual([state.looks, state.isRefused, lines], [1, false, []]);
});
