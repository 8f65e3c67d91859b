import { type Condition, type PodObject, type PodStatus, withCondition, withConditions } from './objects.ts';
import { formatTime } from './time.ts';

/** How a container that never gets ready looks. */
export type Trouble = 'CrashLoopBackOff' | 'ImagePullBackOff';

const INITIALIZED: Condition = { type: 'Initialized', status: 'True' };
const READY: readonly Condition[] = [
  INITIALIZED,
  { type: 'Ready', status: 'True' },
  { type: 'ContainersReady', status: 'True' },
];
const UNREADY = { status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status' };
const NOT_READY: readonly Condition[] = [
  INITIALIZED,
  { type: 'Ready', ...UNREADY },
  { type: 'ContainersReady', ...UNREADY },
];

function withReady(pod: PodObject, isReady: boolean, nowMs: number): readonly Condition[] {
  return withConditions(pod.status.conditions, isReady ? READY : NOT_READY, nowMs);
}

interface ContainersLook {
  readonly state: Readonly<Record<string, unknown>>;
  readonly lastState?: Readonly<Record<string, unknown>>;
  readonly isReady: boolean;
  readonly restartCount?: number;
}

function containerStatuses(pod: PodObject, look: ContainersLook): unknown[] {
  return pod.spec.containers.map(({ name, image }) => ({
    name,
    state: look.state,
    lastState: look.lastState ?? {},
    ready: look.isReady,
    restartCount: look.restartCount ?? 0,
    image,
    imageID: look.isReady ? `${image}@sha256:simulated` : '',
    started: look.isReady,
  }));
}

/** Assigned to its node by the scheduler. */
export function boundStatus(pod: PodObject, nowMs: number): PodStatus {
  return {
    ...pod.status,
    conditions: withCondition(pod.status.conditions, { type: 'PodScheduled', status: 'True' }, nowMs),
  };
}

/** The kubelet has seen it and creates its containers. */
export function creatingStatus(pod: PodObject, nowMs: number): PodStatus {
  const statuses = containerStatuses(pod, { state: { waiting: { reason: 'ContainerCreating' } }, isReady: false });
  const conditions = withReady(pod, false, nowMs);
  return { ...pod.status, phase: 'Pending', conditions, startTime: formatTime(nowMs), containerStatuses: statuses };
}

export function runningStatus(pod: PodObject, podIP: string, nowMs: number): PodStatus {
  const state = { running: { startedAt: formatTime(nowMs) } };
  return {
    ...pod.status,
    phase: 'Running',
    conditions: withReady(pod, true, nowMs),
    podIP,
    podIPs: [{ ip: podIP }],
    containerStatuses: containerStatuses(pod, { state, isReady: true }),
  };
}

/** Only readiness changes: a probe fails or passes, or the node was lost. */
export function readinessStatus(pod: PodObject, isReady: boolean, nowMs: number): PodStatus {
  return { ...pod.status, conditions: withReady(pod, isReady, nowMs) };
}

export function troubledStatus(
  pod: PodObject,
  trouble: Trouble,
  at: { nowMs: number; restartCount: number },
): PodStatus {
  const { nowMs, restartCount } = at;
  const conditions = withReady(pod, false, nowMs);
  if (trouble === 'ImagePullBackOff') {
    const state = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } };
    return {
      ...pod.status,
      phase: 'Pending',
      conditions,
      containerStatuses: containerStatuses(pod, { state, isReady: false }),
    };
  }
  const finishedAt = formatTime(nowMs);
  const terminated = { exitCode: 1, reason: 'Error', startedAt: finishedAt, finishedAt };
  const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' } };
  const statuses = containerStatuses(pod, { state, lastState: { terminated }, isReady: false, restartCount });
  return { ...pod.status, phase: 'Running', conditions, containerStatuses: statuses };
}
