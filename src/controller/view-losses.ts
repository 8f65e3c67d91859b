import { type DaemonSetKey, daemonSetKey } from '../protocol/slot.ts';

/** Whose decisions rest on a stream: everybody's, those about the DaemonSets of a namespace, or those about one DaemonSet. */
export type ViewScope =
  | { readonly of: 'all' }
  | { readonly of: 'namespace'; readonly namespace: string }
  | { readonly of: 'daemonset'; readonly key: DaemonSetKey };

/** A list and watch of objects. */
export interface ViewStream {
  /** As in logs: `nodes`, `pods of edge/agent` … */
  readonly stream: string;
  readonly scope: ViewScope;
}

export const NODES_VIEW: ViewStream = { stream: 'nodes', scope: { of: 'all' } };

/** `namespace` '': of all namespaces. */
export function daemonSetsView(namespace: string): ViewStream {
  if (namespace === '') return { stream: 'daemonsets', scope: { of: 'all' } };
  return { stream: `daemonsets in ${namespace}`, scope: { of: 'namespace', namespace } };
}

export function podsView(key: DaemonSetKey): ViewStream {
  return { stream: `pods of ${key}`, scope: { of: 'daemonset', key } };
}

export function revisionsView(key: DaemonSetKey): ViewStream {
  return { stream: `controllerrevisions of ${key}`, scope: { of: 'daemonset', key } };
}

/** One that has not confirmed for too long what was read. */
export interface ViewLoss extends ViewStream {
  /** For people: since when and why. */
  readonly reason: string;
}

/** Why nothing new is decided about a DaemonSet. */
export interface Staleness {
  readonly reason: string;
  /** Others are concerned too. */
  readonly isShared: boolean;
}

/** What of the view cannot be relied on now. */
export class ViewLosses {
  #losses: readonly ViewLoss[] = [];

  /** Takes all that hold now; returns what is new and what is over. */
  replace(losses: readonly ViewLoss[]): { readonly begun: readonly ViewLoss[]; readonly ended: readonly ViewLoss[] } {
    const before = this.#losses;
    this.#losses = losses;
    return { begun: without(losses, before), ended: without(before, losses) };
  }

  /** Why nothing new is decided about the DaemonSet; undefined when all that it rests on is confirmed. */
  stalenessOf(daemonSet: { readonly namespace: string; readonly name: string }): Staleness | undefined {
    const loss = this.#losses.find(({ scope }) => isInScope(scope, daemonSet));
    return loss && { reason: `${loss.stream}: ${loss.reason}`, isShared: loss.scope.of !== 'daemonset' };
  }
}

export const LOOK_EVERY_MS = 1000;

/** When the view is looked at: once a second by a timer, and before a decision if that timer is late. */
export class ViewLook {
  #lastMs = Number.NEGATIVE_INFINITY;
  #hasLosses = false;

  /** A process that was stopped for a while must not decide before it knows what has become of the view. */
  isDue(nowMs: number): boolean {
    return nowMs - this.#lastMs >= LOOK_EVERY_MS;
  }

  /** What was seen; returns whether the controller is to be told, which it is of every loss again and again. */
  saw(losses: readonly ViewLoss[], nowMs: number): boolean {
    const hadLosses = this.#hasLosses;
    this.#lastMs = nowMs;
    this.#hasLosses = losses.length > 0;
    return hadLosses || this.#hasLosses;
  }
}

function isInScope(scope: ViewScope, { namespace, name }: { readonly namespace: string; readonly name: string }) {
  switch (scope.of) {
    case 'all':
      return true;
    case 'namespace':
      return scope.namespace === namespace;
    case 'daemonset':
      return scope.key === daemonSetKey(namespace, name);
  }
}

function without(losses: readonly ViewLoss[], others: readonly ViewLoss[]): readonly ViewLoss[] {
  const streams = new Set(others.map(({ stream }) => stream));
  return losses.filter(({ stream }) => !streams.has(stream));
}
