import type { Controller } from '../../src/controller/controller.ts';
import type { Followed } from '../../src/controller/followed.ts';
import { slotKey } from '../../src/protocol/slot.ts';
import { isTerminating } from '../../src/simulator/cluster-index.ts';
import { type DaemonSetObject, isConditionTrue, type NodeObject } from '../../src/simulator/objects.ts';
import { isExcluded, optedStrategy, progressDeadlineMs } from '../../src/simulator/observer-policy.ts';
import { isSurelyAvailable, minReadyMsOf } from './budget-share.ts';
import type { Conduct } from './conduct.ts';
import { hasLaterGeneration, isOfRevision } from './generations.ts';
import type { KnownDaemonSet } from './knowledge.ts';
import type { KnownPod } from './known-pod.ts';
import type { Problem } from './trace.ts';

const MAX_UNAVAILABLE = 'apps.openyurt.io/max-unavailable';
/** Whoever says that nothing holds it back goes on within that: places are given out every 250 ms. */
const SOON_MS = 1000;
/** Nodes are counted so often at most, by the time of the process. */
const COUNT_EVERY_MS = 2000;
/** A deadline that is judged here is over, or not, for sure. */
const DOUBT = 0.1;
const SLACK_MS = 3000;

/** A DaemonSet as a process knows it. */
interface About {
  readonly conduct: Conduct;
  readonly known: KnownDaemonSet;
  readonly daemonSet: DaemonSetObject;
}

/**
 * What a leader says of its standing when a turn is over and nothing is queued or in a lane: `held`: what it waits for is so, as the
 * words of docs/design.md have it and as far as it can know; `idle`: it waits for nothing that never comes.
 */
export class StandingRule {
  readonly #maxInFlight: number;
  readonly #countedAtMs = new WeakMap<Conduct, number>();

  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight;
  }

  judge(conduct: Conduct, controller: Controller): Problem | undefined {
    if (!controller.leadership.isLeading) return undefined;
    const { depth, delayed, processing } = controller.dispatcher.load;
    if (depth + delayed + processing > 0 || controller.isUnfinished) return undefined;
    for (const followed of controller.followed()) {
      const problem = this.#judge(followed, conduct, controller);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #judge(followed: Followed, conduct: Conduct, controller: Controller): Problem | undefined {
    const { key, rollout } = followed;
    const { nowMs } = conduct.process;
    if (rollout.blocked() !== undefined || rollout.counts().waiting === 0) return undefined;
    const reason = rollout.heldBy(controller.limitsOf(followed), nowMs);
    if (reason === undefined) {
      if ((controller.nextWakeMs(nowMs) ?? Number.POSITIVE_INFINITY) <= nowMs + SOON_MS) return undefined;
      const next = rollout.plan(nowMs).find((node) => node.next !== undefined);
      return next && { rule: 'idle', what: `${key}: ${next.node} is next, and nothing is done about it` };
    }
    if (nowMs - (this.#countedAtMs.get(conduct) ?? Number.NEGATIVE_INFINITY) < COUNT_EVERY_MS) return undefined;
    this.#countedAtMs.set(conduct, nowMs);
    const what = this.#refutation(reason, followed, conduct);
    return what === '' ? undefined : { rule: 'held', what: `${key} waits for ${reason}, but ${what}` };
  }

  /** Why that cannot be what it waits for; '' when it can. */
  #refutation(reason: string, { key }: Followed, conduct: Conduct): string {
    const { followed, daemonSets } = conduct.knowledge;
    const [known, daemonSet] = [followed.get(key), daemonSets.get(key)];
    if (known === undefined || daemonSet === undefined) return '';
    const about = { conduct, known, daemonSet };
    switch (reason) {
      case 'budget':
      case 'failed-nodes': {
        const allowed = Number(daemonSet.metadata.annotations?.[MAX_UNAVAILABLE]);
        if (!(allowed > 0)) return '';
        const most = count(about, mayHoldPlace);
        return most >= allowed ? '' : `no more than ${most} nodes can have a place, and ${allowed} may`;
      }
      case 'pace': {
        return count(about, mayBeUnderWay) > 0 ? '' : 'nothing is under way';
      }
      case 'max-in-flight': {
        let most = 0;
        for (const [other, itsKnown] of followed) {
          const its = daemonSets.get(other);
          if (its === undefined || optedStrategy(its) === 'ota') continue;
          most += count({ conduct, known: itsKnown, daemonSet: its }, mayBeUnderWay);
        }
        return most >= this.#maxInFlight ? '' : `no more than ${most} can be under way, and ${this.#maxInFlight} may`;
      }
      default:
        return '';
    }
  }
}

type Test = (about: About, node: NodeObject, pods: readonly KnownPod[]) => boolean;

/** All doubt is in the process's favour: a node of which it cannot know how it is counts. */
function count(about: About, test: Test): number {
  const { conduct, known } = about;
  const { knowledge, pending } = conduct;
  let most = knowledge.unreadable.nodes.size;
  for (const [name, node] of knowledge.nodes) {
    if (knowledge.unreadable.nodes.has(name)) continue;
    const pods = known.podsOn(name);
    const uid = pending.get(slotKey(known.key, name))?.uid;
    const isAsked = pods.some(({ pod }) => pod.metadata.uid === uid && !isTerminating(pod));
    if (isAsked || (mayBeLacking(about, node, pods) && test(about, node, pods))) most += 1;
  }
  return most;
}

/** Whether it should have a pod, and may have none that is available. */
function mayBeLacking({ conduct, known, daemonSet }: About, node: NodeObject, pods: readonly KnownPod[]): boolean {
  const { isWanted } = conduct.knowledge.placement(daemonSet, known, node);
  if (!isWanted || isExcluded(node)) return false;
  if (!isReady(node) || pods.length !== 1) return true;
  return !pods.every((pod) => isSurelyAvailable(pod, minReadyMsOf(daemonSet), conduct.process.nowMs));
}

/** A node without an available pod: in U, in F, failed, or NotReady and failed. Not when it is joining and nothing was done to its pod. */
function mayHoldPlace(about: About, node: NodeObject, pods: readonly KnownPod[]): boolean {
  const { conduct, daemonSet, known } = about;
  const { name } = node.metadata;
  // Of what was there before it led, or before everything was read, it may believe that others were at work.
  const cameAtMs = conduct.knowledge.cameAtMs.get(name) ?? Number.NEGATIVE_INFINITY;
  if (cameAtMs < Math.max(conduct.ledSinceMs, known.settledAtMs + SLACK_MS) || known.bereft.has(name) || !isReady(node))
    return true;
  const isYoung = conduct.process.nowMs - cameAtMs < (1 - DOUBT) * progressDeadlineMs(daemonSet) - SLACK_MS;
  return !isYoung || pods.some(({ wasReady }) => wasReady) || (pods.length > 0 && !isUntouched(pods));
}

/** In F: not an old pod that nobody has deleted, nor a new one that has had its time, nor none at all where none fits. */
function mayBeUnderWay(about: About, node: NodeObject, pods: readonly KnownPod[]): boolean {
  const { conduct, daemonSet, known } = about;
  const newest = known.newest();
  const { name } = node.metadata;
  if (!isReady(node)) return false;
  const { fits } = conduct.knowledge.placement(daemonSet, known, node);
  if (!fits && pods.length === 0 && !known.bereft.has(name)) return false;
  if (newest === undefined || !isUntouched(pods)) return true;
  const mayBeNew = ({ pod }: KnownPod): boolean =>
    isOfRevision(pod, newest, daemonSet) || hasLaterGeneration(pod, daemonSet);
  if (!pods.every(mayBeNew)) return false;
  if (conduct.view.hasBeenStale) return true;
  const timeMs = (1 + DOUBT) * (progressDeadlineMs(daemonSet) + minReadyMsOf(daemonSet)) + SLACK_MS;
  const { ledSinceMs, knowledge, process } = conduct;
  const fromMs = Math.max(ledSinceMs, knowledge.site.readySinceMs(name));
  return pods.some(({ sinceMs }) => process.nowMs - Math.max(sinceMs, fromMs) <= timeMs);
}

function isReady({ status }: NodeObject): boolean {
  return isConditionTrue(status.conditions, 'Ready');
}

/** One pod, which nobody has deleted, and which has not finished. */
function isUntouched(pods: readonly KnownPod[]): boolean {
  const [known] = pods;
  if (known === undefined || pods.length > 1 || isTerminating(known.pod)) return false;
  const { phase } = known.pod.status;
  return phase !== 'Failed' && phase !== 'Succeeded';
}
