import type { Controller } from '../../src/controller/controller.ts';
import type { Followed } from '../../src/controller/followed.ts';
import type { Entry } from '../../src/simulator/cluster-index.ts';
import { controllerUid } from '../../src/simulator/objects.ts';
import type { Problem } from './trace.ts';
import type { Updater } from './updater.ts';
import type { World } from './world.ts';

/**
 * What a process remembers of things that are not there any more, once everything has settled: sizes of what the cores keep,
 * against what is in the cluster. '' when there is nothing.
 */
export function whatIsKept(world: World): string {
  for (const updater of world.updaters) {
    const kept = keptBy(updater, world);
    if (kept !== '') return `${updater.process.id}: ${kept}`;
  }
  return '';
}

function keptBy({ controller, process, candidate }: Updater, world: World): string {
  let failed = 0;
  for (const followed of controller.followed()) {
    const entry = world.cluster.index.entry(followed.uid);
    const kept = entry === undefined ? 'it is gone' : keptFor(followed, entry, world);
    if (kept !== '') return `${followed.key}: ${kept}`;
    failed += followed.rollout.counts().failed;
  }
  // Whoever does not lead keeps what it wanted to do, and what is not done therefore, until it leads again.
  const standbyMore = candidate.isLeading ? 0 : Number.POSITIVE_INFINITY;
  const { depth, delayed, processing, backingOff } = controller.dispatcher.stats(process.nowMs);
  const daemonSets = world.cluster.store.count('daemonsets');
  const { complaints, announced, failures } = controller.noticeSizes();
  return firstOver([
    ['queued, delayed or in lanes', depth + delayed + processing, standbyMore],
    ['backing off', backingOff, standbyMore],
    ['DaemonSets with complaints', complaints, daemonSets],
    ['rollouts announced', announced, daemonSets],
    ['failed nodes to be told', failures, failed + standbyMore],
  ]);
}

function keptFor({ rollout }: Followed, entry: Entry, world: World): string {
  const { slots, zones, timers, paced, revisions } = rollout.sizes();
  const nodes = [...entry.slots.keys()].map((name) => world.cluster.index.node(name));
  const zonesThere = new Set(nodes.map((node) => node?.metadata.labels?.['topology.kubernetes.io/zone'] ?? ''));
  const owned = [...world.cluster.store.all('controllerrevisions')].filter(
    (revision) => controllerUid(revision) === entry.daemonSet.metadata.uid,
  );
  return firstOver([
    ['slots', slots, entry.slots.size],
    ['zones', zones, zonesThere.size],
    ['revisions', revisions, owned.length],
    ['timers', timers, slots],
    ['deletions followed by the pace', paced, rollout.counts().inFlight],
  ]);
}

function firstOver(sizes: readonly (readonly [what: string, size: number, max: number])[]): string {
  const over = sizes.find(([, size, max]) => size > max);
  return over === undefined ? '' : `${over[1]} ${over[0]}, and ${over[2]} there are`;
}

/** What a process remembers or asks for that cannot be, after any turn. */
export function excessOf(controller: Controller, nowMs: number, slotsEver: number): Problem | undefined {
  const wakeMs = endlessSleep(controller, nowMs);
  if (wakeMs !== undefined) return { rule: 'wake-up', what: `asks to be woken at ${wakeMs}` };
  const { depth, delayed, processing, backingOff } = controller.dispatcher.load;
  if (Math.max(depth, delayed, processing, backingOff) <= slotsEver) return undefined;
  return {
    rule: 'memory',
    what: `queue ${depth}, delayed ${delayed}, in lanes ${processing}, retried ${backingOff}`,
  };
}

/** A time at which it asks to be woken and which never comes; other timers may hide one of the pace's. */
function endlessSleep(controller: Controller, nowMs: number): number | undefined {
  const isEndless = (wakeMs: number | undefined): boolean => wakeMs !== undefined && !Number.isFinite(wakeMs);
  const wakeMs = controller.nextWakeMs(nowMs);
  if (isEndless(wakeMs)) return wakeMs;
  for (const { rollout } of controller.followed()) if (isEndless(rollout.paceWakeMs)) return rollout.paceWakeMs;
  return undefined;
}
