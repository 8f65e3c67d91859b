import type { Store as CacheStore } from '../../src/cache/store.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';
import {
  type Entry,
  entryKey,
  isAvailable,
  isTerminating,
  revisionHashOf,
  type Slot,
} from '../../src/simulator/cluster-index.ts';
import { findCondition, type RevisionObject } from '../../src/simulator/objects.ts';
import { isCordonedOff, isExcluded, optedStrategy } from '../../src/simulator/observer-policy.ts';
import { isOfRevision } from './generations.ts';
import type { Updater } from './updater.ts';
import type { World } from './world.ts';

/** What is not yet as it has to be once nothing goes wrong any more; '' when everything is. */
export function whatIsLeft(world: World): string {
  for (const entry of world.cluster.index.entries()) {
    const left = leftOf(entry, world);
    if (left !== '') return left;
  }
  for (const updater of world.updaters) {
    const left = leftIn(updater, world);
    if (left !== '') return `${updater.process.id}: ${left}`;
  }
  const leaders = world.updaters.filter(({ candidate }) => candidate.isLeading);
  return leaders.length === 1 ? '' : `${leaders.length} leaders`;
}

function leftOf(entry: Entry, { cluster, lasting }: World): string {
  const { nowMs, index } = cluster;
  const { daemonSet, newest } = entry;
  const strategy = optedStrategy(daemonSet);
  if (newest === undefined) return `${entryKey(entry)} has no revision`;
  for (const slot of entry.slots.values()) {
    const node = index.node(slot.nodeName);
    if (node === undefined || lasting.hopeless.has(slot.nodeName)) continue;
    if (isExcluded(node) || isCordonedOff(daemonSet, node)) continue;
    const isOta = strategy === 'ota';
    const left = isOta ? unmarked(entry, slot, newest) : notUpdated(entry, slot, { newest, strategy, nowMs });
    if (left !== '') return `${entryKey(entry)} on ${slot.nodeName}: ${left}`;
  }
  return '';
}

function unmarked(entry: Entry, slot: Slot, newest: RevisionObject): string {
  for (const { pod } of slot.pods) {
    if (isTerminating(pod)) continue;
    const mark = findCondition(pod.status.conditions, 'PodNeedUpgrade');
    const wanted = isOfRevision(pod, newest, entry.daemonSet) ? 'False' : 'True';
    const isRight = mark?.status === wanted && mark.message === `controllerrevision: ${revisionHashOf(newest)}`;
    if (!isRight) return `${pod.metadata.name} is marked ${mark?.status} ${mark?.message}`;
  }
  return '';
}

function notUpdated(
  entry: Entry,
  slot: Slot,
  against: { readonly newest: RevisionObject; readonly strategy: string | undefined; readonly nowMs: number },
): string {
  const { isWanted, shouldRun } = slot.placement;
  if (!isWanted || !shouldRun || !slot.isNodeReady) return '';
  const pods = slot.pods.map(({ pod }) => pod.metadata.name).join(', ');
  const [indexed] = slot.pods;
  if (indexed === undefined || slot.pods.length > 1) return `pods: ${pods || 'none'}`;
  if (isTerminating(indexed.pod)) return `${pods} is terminating`;
  if (!isAvailable(indexed, entry.daemonSet.spec.minReadySeconds ?? 0, against.nowMs))
    return `${pods} is not available`;
  const isOptedIn = against.strategy !== undefined;
  if (isOptedIn && !isOfRevision(indexed.pod, against.newest, entry.daemonSet)) return `${pods} is old`;
  return '';
}

function leftIn(updater: Updater, world: World): string {
  const { controller, process, lanes } = updater;
  if (process.isDead || process.isStopped) return 'does not run';
  if (!controller.hasSynced) return 'has not synced';
  const { nowMs } = process;
  const { load } = controller.dispatcher;
  // A process that lost the lease keeps what it wanted to do until it leads again.
  for (const name of ['depth', 'delayed', 'processing', 'backingOff'] as const) {
    if (updater.candidate.isLeading && load[name] > 0) return `${name} ${load[name]}`;
  }
  if (controller.isBusy || lanes.runningCount > 0) return 'a lane is busy';
  const staleCache =
    staleIn(updater.reader.nodes.store, world, 'nodes', '') ||
    staleIn(updater.reader.daemonSets.store, world, 'daemonsets', '');
  if (staleCache !== '') return staleCache;
  for (const { key, rollout } of controller.followed()) {
    const { inFlight, waiting, reserved } = rollout.counts();
    if (updater.candidate.isLeading && inFlight + waiting + reserved > 0) {
      return `${key}: ${inFlight} in flight, ${waiting} waiting, ${reserved} reserved`;
    }
    const app = key.split('/')[1] ?? '';
    const streams = updater.reader.followed.get(key);
    if (streams === undefined) return `${key} is followed without streams`;
    const stale =
      staleIn(streams.pods.store, world, 'pods', app) ||
      staleIn(streams.revisions.store, world, 'controllerrevisions', app);
    if (stale !== '') return stale;
  }
  if (updater.candidate.isLeading && controller.nextWakeMs(nowMs) !== undefined) return 'a timer is left';
  return '';
}

/** Whether the cache holds exactly what the API server has. */
function staleIn(cache: CacheStore<ObjectRecord>, world: World, resource: string, app: string): string {
  let count = 0;
  for (const { metadata } of world.cluster.store.all(resource)) {
    if (app !== '' && metadata.labels?.app !== app) continue;
    count += 1;
    const record = cache.get(metadata.namespace ?? '', metadata.name);
    if (record?.resourceVersion !== metadata.resourceVersion) return `${resource} ${metadata.name} is out of date`;
  }
  return cache.size === count ? '' : `the cache holds ${cache.size} ${resource}, the API server ${count}`;
}
