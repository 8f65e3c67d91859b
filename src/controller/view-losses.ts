import { type DaemonSetKey, daemonSetKey } from '../protocol/slot.ts';

/** Whose decisions rest on a stream: everybody's, those about the DaemonSets of a namespace, or those about one DaemonSet. */
export type ViewScope =
  | { readonly of: 'all' }
  | { readonly of: 'namespace'; readonly namespace: string }
  | { readonly of: 'daemonset'; readonly key: DaemonSetKey };

/** A list or watch that has not confirmed for too long what was read. */
export interface ViewLoss {
  /** As in logs: `nodes`, `pods of edge/agent` … */
  readonly stream: string;
  readonly scope: ViewScope;
  /** For people: since when and why. */
  readonly reason: string;
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
  reasonFor(daemonSet: { readonly namespace: string; readonly name: string }): string | undefined {
    const loss = this.#losses.find(({ scope }) => isInScope(scope, daemonSet));
    return loss === undefined ? undefined : `${loss.stream}: ${loss.reason}`;
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
