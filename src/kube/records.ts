/**
 * The Kubernetes objects this program reads, cut down to the fields it uses.
 *
 * Every record is made once by a decoder and never changed afterwards. Times are milliseconds since the Unix epoch as
 * the API server wrote them; they are hints only, because the clocks of nodes and API servers differ (see
 * docs/design.md, clock skew).
 */

/** What every record has. `namespace` is '' for cluster-scoped objects. */
export interface ObjectRecord {
  readonly namespace: string;
  readonly name: string;
  /** '' when the object never could be read. */
  readonly uid: string;
  readonly resourceVersion: string;
  /** Why the object as it is now cannot be read: this is how it was before, and nothing may be decided on it. */
  readonly unreadable?: string;
}

/** The OTA strategy's pod condition `PodNeedUpgrade`. */
export interface NeedUpgradeCondition {
  /** `True`, `False` or `Unknown`. */
  readonly status: string;
  /** `controllerrevision: <hash>`. */
  readonly message: string;
}

export interface PodRecord extends ObjectRecord {
  /** UID of the owner reference with `controller: true`; undefined for an orphan. */
  readonly ownerUid: string | undefined;
  /** `spec.nodeName`, else the node that the pod's required node affinity on `metadata.name` names, else ''. */
  readonly nodeName: string;
  /** Label `controller-revision-hash`. */
  readonly revisionHash: string | undefined;
  /** Label `pod-template-generation`. */
  readonly templateGeneration: string | undefined;
  /** Annotation `controller.kubernetes.io/pod-deletion-cost`; 0 when absent or malformed. */
  readonly deletionCost: number;
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  readonly phase: string;
  readonly createdAtMs: number;
  readonly isTerminating: boolean;
  /** `metadata.deletionTimestamp`: when the graceful deletion ends; undefined unless terminating. */
  readonly deletionAtMs: number | undefined;
  /** `metadata.deletionGracePeriodSeconds`: how long its kubelet may take; absent or undefined unless terminating. */
  readonly deletionGraceMs?: number | undefined;
  /** Condition Ready is `True`. */
  readonly isReady: boolean;
  /** Last transition of the condition Ready. */
  readonly readyChangedAtMs: number | undefined;
  readonly needUpgrade: NeedUpgradeCondition | undefined;
  /** Why it does not run, in the kubelet's words: `ImagePullBackOff`, `CrashLoopBackOff (exit code 1)`, `OutOfcpu`, `Evicted` … */
  readonly trouble: string | undefined;
  /** What the kubelet says about a pod that it refused or ended (`status.message`), clipped; absent otherwise. */
  readonly troubleMessage?: string;
}

export interface Taint {
  readonly key: string;
  readonly value: string;
  /** `NoSchedule`, `PreferNoSchedule` or `NoExecute`. */
  readonly effect: string;
}

export interface NodeRecord extends ObjectRecord {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** `spec.unschedulable`: it is cordoned; absent when it is not. */
  readonly isUnschedulable?: true;
  readonly createdAtMs: number;
  /** Condition Ready is `True`; `False`, `Unknown` and a missing condition are not ready. */
  readonly isReady: boolean;
  readonly readyChangedAtMs: number | undefined;
}

export interface SelectorRequirement {
  readonly key: string;
  /** `In`, `NotIn`, `Exists`, `DoesNotExist`; node selectors also `Gt`, `Lt`. */
  readonly operator: string;
  readonly values: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly SelectorRequirement[];
}

/** One term of a node affinity; all requirements of both lists must hold. A term with two empty lists matches nothing. */
export interface NodeSelectorTerm {
  readonly matchExpressions: readonly SelectorRequirement[];
  /** Only the field `metadata.name` exists. */
  readonly matchFields: readonly SelectorRequirement[];
}

export interface Toleration {
  readonly key: string;
  /** `Exists`, `Equal` or '' (Equal). */
  readonly operator: string;
  readonly value: string;
  /** '' tolerates every effect. */
  readonly effect: string;
}

/** The part of the pod template that decides on which nodes the pod runs. */
export interface Placement {
  readonly nodeName: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Undefined: no required node affinity. An empty list matches no node. */
  readonly requiredNodeTerms: readonly NodeSelectorTerm[] | undefined;
  readonly tolerations: readonly Toleration[];
  readonly isHostNetwork: boolean;
}

export interface DaemonSetRecord extends ObjectRecord {
  readonly generation: number;
  /** `status.observedGeneration`; 0 when the DaemonSet controller has not seen it yet. */
  readonly observedGeneration: number;
  readonly createdAtMs: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** `spec.updateStrategy.type`: `OnDelete` or `RollingUpdate`. */
  readonly updateStrategyType: string;
  readonly minReadySeconds: number;
  readonly selector: LabelSelector;
  readonly placement: Placement;
  /** Of `spec.template` (template-digest.ts). */
  readonly templateDigest: string;
  readonly isTerminating: boolean;
}

export interface RevisionRecord extends ObjectRecord {
  readonly ownerUid: string | undefined;
  /** `revision`: the highest one is the newest. */
  readonly revision: number;
  /** Label `controller-revision-hash`. */
  readonly hash: string;
  /** Of the template in its data; '' when there is none. */
  readonly templateDigest: string;
  readonly createdAtMs: number;
}
