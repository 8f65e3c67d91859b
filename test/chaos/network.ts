import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../control-plane/processes.ts';
import { WATCH_FAULTS, type WatchFault } from './http-pieces.ts';
import { ChaosProxy } from './proxy.ts';
import { assertUnharmed, NAME, type Rig } from './rig.ts';
import { percent } from './settings.ts';
import type { Recovery } from './summary.ts';

const CUT_EVERY_MS = { min: 100, max: 1_200 };
/** Should the updater stand still under it, it has to go on when the cutting ends. */
const CUTTING_MS_MAX = 90_000;
const LATENCY_MS = { min: 5, max: 120 };
const RESTART_TIMEOUT_MS = 20_000;

/** Every piece of data is late, and connections are cut at random moments, with writes on them or not. */
export async function cutAndSlow(rig: Rig): Promise<void> {
  const proxy = await ChaosProxy.start(rig.plane);
  try {
    const replica = await rig.startReplica({ route: proxy.route });
    const rollout = await rig.change(percent(6));
    await rollout.reach(1);
    proxy.latencyMs = () => rig.random.between(LATENCY_MS.min, LATENCY_MS.max);
    let cuts = 0;
    let blackouts = 0;
    const untilMs = performance.now() + CUTTING_MS_MAX;
    while (rollout.deletedPods < percent(90) && performance.now() < untilMs) {
      await delay(rig.random.between(CUT_EVERY_MS.min, CUT_EVERY_MS.max));
      if (rig.random.next() < 0.05) {
        proxy.goDown();
        await delay(rig.random.between(100, 1_000));
        proxy.comeBack();
        blackouts += 1;
        continue;
      }
      const link = rig.random.pick([...proxy.links]);
      link?.cut();
      if (link !== undefined) cuts += 1;
    }
    const calmMs = Date.now();
    proxy.latencyMs = () => 0;
    rig.say(`${cuts} connections cut, ${blackouts} blackouts, ${rollout.deletedPods} pods deleted by then`);
    await rollout.reach(percent(100));
    const recoveryMs = (await rollout.recoveryMs(calmMs)) ?? 0;
    await rollout.complete();
    const completeMs = Date.now() - calmMs;
    await assertUnharmed(replica);
    await rollout.judge({
      scenario: 'connections cut and slow',
      faults: `${cuts + blackouts} cuts`,
      recoveries: [
        { what: 'calm again → next deletion', recoveryMs },
        { what: 'calm again → complete', recoveryMs: completeMs },
      ],
      notes: [
        `${cuts} connections cut, ${blackouts} times all of them; each piece of data ${LATENCY_MS.min} to ${LATENCY_MS.max} ms late both ways`,
      ],
    });
  } finally {
    await proxy.stop();
  }
}

/** How an event can be provoked on each of the updater's watches. */
function streams(rig: Rig): readonly { readonly stream: string; provoke(): Promise<unknown> }[] {
  const { admin } = rig.plane;
  const touch = (path: string) => admin.patch(path, { metadata: { annotations: { 'test/touched': `${Date.now()}` } } });
  const daemonSets = '/apis/apps/v1/namespaces/default/daemonsets';
  const revisions = '/apis/apps/v1/namespaces/default/controllerrevisions';
  const first = async (collection: string) => {
    const { items } = await admin.list(`${collection}?labelSelector=${encodeURIComponent(`app=${NAME}`)}`);
    return `${collection}/${items[0]?.metadata.name}`;
  };
  return [
    { stream: '/api/v1/nodes?', provoke: async () => await touch(`/api/v1/nodes/${rig.cluster.nodeNames[0]}`) },
    { stream: '/apis/apps/v1/daemonsets?', provoke: async () => await touch(`${daemonSets}/${NAME}`) },
    {
      stream: '/api/v1/namespaces/default/pods?',
      provoke: async () => await touch(await first('/api/v1/namespaces/default/pods')),
    },
    {
      stream: '/apis/apps/v1/namespaces/default/controllerrevisions?',
      provoke: async () => await touch(await first(revisions)),
    },
  ];
}

/** Events are cut short and garbled, in each watch, in each way: that watch is opened again, and no other. */
export async function garbledWatches(rig: Rig): Promise<void> {
  const proxy = await ChaosProxy.start(rig.plane);
  try {
    const replica = await rig.startReplica({ route: proxy.route });
    const rollout = await rig.change(percent(3));
    await rollout.reach(1);
    const recoveries: Recovery[] = [];
    const targets = streams(rig).flatMap((target) => WATCH_FAULTS.map((fault) => ({ ...target, fault })));
    for (const target of rig.random.sample(targets, targets.length)) {
      recoveries.push({ what: target.fault, recoveryMs: await breakOnce(proxy, target) });
    }
    rig.say(`${recoveries.length} watches broken, ${rollout.deletedPods} pods deleted by then`);
    await rollout.reach(percent(100));
    await assertUnharmed(replica);
    await rollout.judge({
      scenario: 'watches truncated and garbled',
      faults: `${recoveries.length} events`,
      recoveries,
      notes: ['each of 4 watches in each way; a recovery is the time until that watch was open again'],
    });
  } finally {
    await proxy.stop();
  }
}

/** Answers how long it took until the watch was opened again. */
async function breakOnce(
  proxy: ChaosProxy,
  { stream, fault, provoke }: { stream: string; fault: WatchFault; provoke(): Promise<unknown> },
): Promise<number> {
  const name = `the watch ${stream}`;
  const link = await waitFor(() => proxy.watches.find((open) => open.stream?.startsWith(stream)), {
    timeoutMs: RESTART_TIMEOUT_MS,
    what: `${name} to be open; open are ${proxy.watches.map((open) => open.stream)}`,
  });
  const broken = link.breakNextEvent(fault);
  const opened = proxy.watchesOpened.length;
  await provoke();
  const brokenMs = await broken;
  const again = () => proxy.watchesOpened.slice(opened).find((open) => open.stream === link.stream);
  const { atMs } = await waitFor(again, { timeoutMs: RESTART_TIMEOUT_MS, pollMs: 5, what: `${name} after ${fault}` });
  const others = proxy.watchesOpened.slice(opened).filter((open) => open.stream !== link.stream);
  assert.deepEqual(others, [], `${fault} of ${name} restarted others`);
  return atMs - brokenMs;
}
