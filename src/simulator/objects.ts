import { formatTime } from './time.ts';

/**
 * The Kubernetes objects of the simulated cluster, as plain JSON. An object in the store is never changed: every write
 * makes a new one, so encodings can be cached by identity and an old revision stays readable.
 */
export type Labels = Readonly<Record<string, string>>;

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface Metadata {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  /** RFC 3339 with whole seconds, as the API server writes it. */
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

export interface SimObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastHeartbeatTime?: string;
  readonly lastProbeTime?: string | null;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface NodeTerm {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

export interface Affinity {
  readonly nodeAffinity?: {
    readonly requiredDuringSchedulingIgnoredDuringExecution?: { readonly nodeSelectorTerms: readonly NodeTerm[] };
  };
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly [field: string]: unknown;
}

export interface PodSpec {
  readonly nodeName?: string;
  readonly nodeSelector?: Labels;
  readonly affinity?: Affinity;
  readonly tolerations?: readonly Toleration[];
  readonly hostNetwork?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly ContainerSpec[];
  readonly [field: string]: unknown;
}

export interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly Condition[];
  readonly [field: string]: unknown;
}

export interface PodObject extends SimObject {
  readonly spec: PodSpec;
  readonly status: PodStatus;
}

export interface NodeObject extends SimObject {
  readonly spec: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly Taint[];
    readonly [field: string]: unknown;
  };
  readonly status: { readonly conditions?: readonly Condition[]; readonly [field: string]: unknown };
}

export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly Requirement[];
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels };
  readonly spec: PodSpec;
}

export interface DaemonSetObject extends SimObject {
  readonly spec: {
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly minReadySeconds?: number;
    readonly revisionHistoryLimit?: number;
    readonly updateStrategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly maxUnavailable?: number | string };
    };
  };
  readonly status: { readonly observedGeneration?: number; readonly [field: string]: unknown };
}

export interface RevisionObject extends SimObject {
  readonly revision: number;
  readonly data: unknown;
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  if (conditions === undefined) return undefined;
  for (const condition of conditions) if (condition.type === type) return condition;
  return undefined;
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/** The UID of the owner that controls the object. */
export function controllerUid(object: SimObject): string | undefined {
  const { ownerReferences } = object.metadata;
  if (ownerReferences === undefined) return undefined;
  for (const owner of ownerReferences) if (owner.controller === true) return owner.uid;
  return undefined;
}

/** `spec.nodeName`, else the node that the DaemonSet controller pinned the pod to by affinity, else ''. */
export function nodeNameOf(pod: PodObject): string {
  if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== '') return pod.spec.nodeName;
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  for (const term of terms ?? []) {
    const field = term.matchFields?.find((match) => match.key === 'metadata.name' && match.operator === 'In');
    if (field?.values?.length === 1) return field.values[0] ?? '';
  }
  return '';
}

export function keyOf(object: SimObject): string {
  return objectKey(object.metadata.namespace ?? '', object.metadata.name);
}

/** One string for each key: a text that was put together anew has to be hashed before anything is found by it. */
const keys = new Map<string, Map<string, string>>();
const KEYS_MAX = 10_000;

/** `namespace/name`, or the name alone. */
export function objectKey(namespace: string, name: string): string {
  if (namespace === '') return name;
  let inNamespace = keys.get(namespace);
  if (inNamespace === undefined) {
    if (keys.size >= KEYS_MAX) keys.clear();
    inNamespace = new Map();
    keys.set(namespace, inNamespace);
  }
  let key = inNamespace.get(name);
  if (key === undefined) {
    if (inNamespace.size >= KEYS_MAX) inNamespace.clear();
    key = `${namespace}/${name}`;
    inNamespace.set(name, key);
  }
  return key;
}

/** The object with the same fields and some metadata replaced. */
export function withMetadata<T extends SimObject>(object: T, change: Partial<Metadata>): T {
  return { ...object, metadata: { ...object.metadata, ...change } };
}

/** The conditions with some replaced or added; a transition time moves only when the status changes. */
export function withConditions(
  conditions: readonly Condition[] | undefined,
  wanted: readonly Condition[],
  nowMs: number,
  sinceMade?: string,
): readonly Condition[] {
  const next = conditions === undefined ? [] : [...conditions];
  for (const condition of wanted) {
    const index = next.findIndex(({ type }) => type === condition.type);
    const present = next[index];
    // What an object was made with has been so since then.
    const keptTime = present?.status === condition.status ? (present.lastTransitionTime ?? sinceMade) : undefined;
    const changed = { ...condition, lastTransitionTime: keptTime ?? formatTime(nowMs) };
    if (present === undefined) next.push(changed);
    else next[index] = changed;
  }
  return next;
}

export function withCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Condition,
  nowMs: number,
  sinceMade?: string,
): readonly Condition[] {
  return withConditions(conditions, [wanted], nowMs, sinceMade);
}
