import type { KubeObject } from './api-client.ts';
import type { NodeObject } from './cluster.ts';

interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

export interface PlacingDaemonSet extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly nodeSelector?: Readonly<Record<string, string>>;
        readonly tolerations?: readonly Toleration[];
        readonly hostNetwork?: boolean;
      };
    };
  };
}

/** They say what the node's Ready condition says. */
const SAID_ALREADY = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
/** Kubernetes tolerates them for every DaemonSet's pods; the last only for those on the host's network. */
const TOLERATED = ['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'];
const ON_HOST_NETWORK = 'network-unavailable';

/** A node that joined this long ago at most and has not had an available pod yet is in nobody's way: the default deadline. */
const JOINING_MS = 600_000;

/** On which nodes a DaemonSet counts: where its pods fit, and where it has a place that no later taint takes away. */
export class Places {
  readonly #kept = new Set<string>();
  readonly #there = new Set<string>();
  /** Where no pod has been available since the node joined, with when that was. */
  readonly #joined = new Map<string, number>();

  fork(): Places {
    const copy = new Places();
    for (const name of this.#kept) copy.#kept.add(name);
    for (const name of this.#there) copy.#there.add(name);
    for (const [name, atMs] of this.#joined) copy.#joined.set(name, atMs);
    return copy;
  }

  see(nodeName: string, isGone: boolean, atMs: number): void {
    if (!isGone && this.#there.has(nodeName)) return;
    this.#joined.set(nodeName, atMs);
    if (!isGone) this.#there.add(nodeName);
    else for (const names of [this.#kept, this.#there, this.#joined]) names.delete(nodeName);
  }

  isJoining(nodeName: string, atMs: number): boolean {
    const joinedAtMs = this.#joined.get(nodeName);
    return joinedAtMs !== undefined && atMs - joinedAtMs <= JOINING_MS;
  }

  counts(node: NodeObject, daemonSet: PlacingDaemonSet, pods: { hasAvailable: boolean; hasNewest: boolean }): boolean {
    const { name } = node.metadata;
    if (pods.hasAvailable) this.#joined.delete(name);
    if (!belongs(node, daemonSet)) {
      this.#kept.delete(name);
      return false;
    }
    const hasPlace = fits(node, daemonSet) || this.#kept.has(name);
    if (pods.hasNewest || (hasPlace && !pods.hasAvailable)) this.#kept.add(name);
    else this.#kept.delete(name);
    return hasPlace || pods.hasNewest;
  }
}

function belongs({ metadata: { labels = {} } }: NodeObject, daemonSet: PlacingDaemonSet): boolean {
  const exclude = labels['daemonpodupdater.io/exclude'];
  const wanted = Object.entries(daemonSet.spec.template.spec.nodeSelector ?? {});
  return (exclude === undefined || exclude === 'false') && wanted.every(([label, value]) => labels[label] === value);
}

function fits({ spec }: NodeObject, daemonSet: PlacingDaemonSet): boolean {
  const { tolerations = [], hostNetwork } = daemonSet.spec.template.spec;
  const added = hostNetwork === true ? [...TOLERATED, ON_HOST_NETWORK] : TOLERATED;
  const skipsCordoned = daemonSet.metadata.annotations?.['daemonpodupdater.io/cordoned'] === 'skip';
  if (skipsCordoned && spec?.unschedulable === true) return false;
  return (spec?.taints ?? []).every(({ key, value = '', effect }) => {
    if (SAID_ALREADY.includes(key) || (effect !== 'NoSchedule' && effect !== 'NoExecute')) return true;
    if (effect === 'NoSchedule' && added.some((name) => key === `node.kubernetes.io/${name}`)) return true;
    return tolerations.some((toleration) => {
      const isKey = (toleration.key ?? '') === '' ? toleration.operator === 'Exists' : toleration.key === key;
      const isEffect = (toleration.effect ?? '') === '' || toleration.effect === effect;
      return isKey && isEffect && (toleration.operator === 'Exists' || (toleration.value ?? '') === value);
    });
  });
}
