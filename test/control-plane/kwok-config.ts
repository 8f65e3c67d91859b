import { stringify } from 'yaml';

/** `running` on a node while its stand-in kubelet runs, `stopped` while it does not; kwok leaves all other nodes and their pods alone. */
export const KUBELET_LABEL = 'test.daemonpodupdater.io/kubelet';
/** On a pod: how long it takes to become ready, as a Go duration; instead of the control plane's `startupMs`. */
export const STARTUP_ANNOTATION = 'test.daemonpodupdater.io/startup';
/** An image with this tag never becomes ready. */
export const NEVER_READY_TAG = 'never-ready';
/** An image with this tag never becomes ready on nodes whose name starts with `bad-`. */
export const BREAKS_BAD_NODES_TAG = 'breaks-bad-nodes';

export interface KubeletOptions {
  /** From scheduled to ready. */
  readonly startupMs: number;
  /** The start-up time of a pod is drawn between `startupMs` and this. */
  readonly startupMaxMs: number;
  /** From the deletion to the pod's end. */
  readonly terminationMs: number;
}

interface Expression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

const IS_BROKEN = `.spec | select((.containers[0].image | endswith(":${NEVER_READY_TAG}")) or ((.containers[0].image | endswith(":${BREAKS_BAD_NODES_TAG}")) and ((.nodeName // "") | startswith("bad-")))) | .nodeName`;
const OWN_STARTUP = { expressionFrom: `.metadata.annotations["${STARTUP_ANNOTATION}"]` };
const READY_STATUS = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const NOT_TERMINATING: Expression = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };

const READY_NODE_STATUS = `
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
`;

const RUNNING_POD_STATUS = `
{{ $now := Now }}
conditions:
- { type: PodReadyToStartContainers, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: { running: { startedAt: {{ $now | Quote }} } }
{{ end }}
phase: Running
startTime: {{ $now | Quote }}
`;

const BROKEN_POD_STATUS = `
{{ $now := Now }}
conditions:
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  started: false
  restartCount: 0
  state: { waiting: { reason: ErrImagePull, message: "no such image" } }
{{ end }}
phase: Pending
startTime: {{ $now | Quote }}
`;

/** What kwok reads with `--config`: how the stand-in kubelets behave. */
export function kwokConfig(options: KubeletOptions): string {
  const documents = [
    {
      apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
      kind: 'KwokConfiguration',
      metadata: { name: 'kwok' },
      // The default of 4 pods at a time would make the kubelets the slowest part. Without the last one (there is no default)
      // kwok leaves out, for ever, a pod that it is told of before it is told of the pod's node.
      options: { podPlayStageParallelism: 16, nodePlayStageParallelism: 4, podsOnNodeSyncParallelism: 4 },
    },
    stage('node-ready', 'Node', {
      when: [{ key: READY_STATUS, operator: 'NotIn', values: ['True'] }],
      next: { statusTemplate: READY_NODE_STATUS },
    }),
    stage('pod-ready', 'Pod', {
      when: [
        NOT_TERMINATING,
        { key: '.status.phase', operator: 'In', values: ['Pending'] },
        { key: IS_BROKEN, operator: 'DoesNotExist' },
      ],
      delay: {
        durationMilliseconds: options.startupMs,
        durationFrom: OWN_STARTUP,
        ...(options.startupMaxMs > options.startupMs
          ? { jitterDurationMilliseconds: options.startupMaxMs, jitterDurationFrom: OWN_STARTUP }
          : {}),
      },
      next: { statusTemplate: RUNNING_POD_STATUS },
    }),
    stage('pod-broken', 'Pod', {
      when: [
        NOT_TERMINATING,
        { key: IS_BROKEN, operator: 'Exists' },
        { key: '.status.containerStatuses.[].state.waiting.reason', operator: 'DoesNotExist' },
      ],
      next: { statusTemplate: BROKEN_POD_STATUS },
    }),
    stage('pod-deleted', 'Pod', {
      when: [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }],
      delay: { durationMilliseconds: options.terminationMs },
      next: { delete: true },
    }),
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}

interface StageBody {
  readonly when: readonly Expression[];
  readonly delay?: unknown;
  readonly next: unknown;
}

function stage(name: string, kind: 'Node' | 'Pod', { when, delay, next }: StageBody): unknown {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: when },
      ...(delay === undefined ? {} : { delay }),
      next,
    },
  };
}
