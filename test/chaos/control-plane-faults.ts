import assert from 'node:assert/strict';
import type { Component } from '../control-plane/control-plane.ts';
import { forEachConcurrently } from '../control-plane/processes.ts';
import { ChaosProxy } from './proxy.ts';
import { assertUnharmed, type Rig } from './rig.ts';
import { percent } from './settings.ts';
import type { Recovery } from './summary.ts';

interface Blow {
  readonly component: Component;
  readonly signal: NodeJS.Signals;
  /** Percent of the pods that are deleted by then. */
  readonly at: number;
}

const BLOWS: readonly Blow[] = [
  { component: 'kube-apiserver', signal: 'SIGKILL', at: 10 },
  { component: 'etcd', signal: 'SIGKILL', at: 35 },
  { component: 'kube-apiserver', signal: 'SIGTERM', at: 60 },
];

/** The API server and etcd are killed and come back; etcd forgets its history each time. */
export async function controlPlaneRestarts(rig: Rig): Promise<void> {
  const replica = await rig.startReplica();
  const rollout = await rig.change(percent(6));
  const ends: { readonly what: string; readonly downMs: number; readonly readyMs: number }[] = [];
  for (const { component, signal, at } of BLOWS) {
    await rollout.reach(percent(at));
    await rig.plane.compact();
    const downMs = Date.now();
    await rig.plane.restart(component, signal);
    const readyMs = Date.now();
    ends.push({ what: `${component} ${signal}`, downMs, readyMs });
    rig.say(`${component} ${signal}: ready again after ${readyMs - downMs} ms`);
  }
  await rollout.reach(percent(100));
  const recoveries: Recovery[] = [];
  for (const { what, readyMs } of ends) {
    const recoveryMs = await rollout.recoveryMs(readyMs);
    assert.ok(recoveryMs !== undefined, `no deletion after ${what}`);
    recoveries.push({ what, recoveryMs });
  }
  await assertUnharmed(replica);
  const away = ends.map(({ what, downMs, readyMs }) => `${what} ${readyMs - downMs} ms`).join(', ');
  await rollout.judge({
    scenario: 'API server and etcd restart',
    faults: `${ends.length} restarts`,
    recoveries,
    notes: [`away for: ${away}; a recovery is the time from when the API server was ready to the next deletion`],
    isAuditIncomplete: true,
  });
}

const TOUCH_CONCURRENCY = 16;

/** The updater cannot reach the API server; meanwhile history goes on and is forgotten: its watches are too old (410). */
export async function historyForgotten(rig: Rig): Promise<void> {
  const proxy = await ChaosProxy.start(rig.plane);
  try {
    // The log tells of a stream's first failure in a minute only, and that one is the connection's.
    const replica = await rig.startReplica({ route: proxy.route, args: ['--log-level', 'debug'] });
    const rollout = await rig.change(percent(6));
    await rollout.reach(percent(30));
    const downMs = Date.now();
    proxy.goDown();
    const touched = rig.random.sample(rig.cluster.nodeNames, percent(20));
    await forEachConcurrently(touched, TOUCH_CONCURRENCY, async (node) => {
      await rig.plane.admin.patch(`/api/v1/nodes/${node}`, { metadata: { annotations: { 'test/touched': '1' } } });
    });
    await rig.plane.compact();
    // A new API server knows only what etcd still has: the history that the updater would resume from is gone.
    await rig.plane.restart('kube-apiserver', 'SIGKILL');
    const backMs = Date.now();
    proxy.comeBack();
    rig.say(`unreachable for ${backMs - downMs} ms, ${touched.length} nodes changed, history compacted`);
    await rollout.reach(percent(100));
    const recoveryMs = await rollout.recoveryMs(backMs);
    assert.ok(recoveryMs !== undefined, 'no deletion after the history was gone');
    const gone = (await replica.updater.program.log())
      .split('\n')
      .filter((line) => /too old resource version/.test(line));
    assert.ok(gone.length > 0, 'no watch of the updater was answered with 410');
    await assertUnharmed(replica);
    await rollout.judge({
      scenario: 'etcd compacts, watches too old',
      faults: `${gone.length} × 410`,
      recoveries: [{ what: 'reachable again', recoveryMs }],
      notes: [`${gone.length} watches were answered with 410 and listed again; a recovery ends with the next deletion`],
      isAuditIncomplete: true,
    });
  } finally {
    await proxy.stop();
  }
}
