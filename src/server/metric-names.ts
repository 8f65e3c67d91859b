import type { ScaleReason } from '../dispatch/autoscaler.ts';
import { ACTIONS } from '../protocol/actions/registry.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';

/** Every metric series in one place. Names of the first three groups are client-go's, so that existing dashboards work. */
export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** client-go: exponential from 10 ns, by tens. */
const WORKQUEUE_BUCKETS_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const REQUEST_BUCKETS_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const LANE_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const QUEUE = ['name'];
const ROLLOUT = ['namespace', 'daemonset'];
const LANE = ['lane'];

export const counters = {
  workqueueAdds: { name: 'workqueue_adds_total', help: 'Slots added to the queue', labels: QUEUE },
  workqueueRetries: { name: 'workqueue_retries_total', help: 'Slots tried again after a failure', labels: QUEUE },
  requests: {
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by HTTP status, or by why there was no answer',
    labels: ['code', 'method', 'host'],
  },
  tasks: {
    name: 'daemonpodupdater_tasks_total',
    help: 'Tasks that ended, by how',
    labels: ['action', 'code'],
  },
  laneTasks: { name: 'daemonpodupdater_lane_tasks_total', help: 'Tasks that ended in the lane', labels: LANE },
  laneCpu: { name: 'daemonpodupdater_lane_cpu_seconds_total', help: 'CPU time of the lane', labels: LANE },
  laneRestarts: { name: 'daemonpodupdater_lane_restarts_total', help: 'Threads replaced', labels: LANE },
  laneResizes: {
    name: 'daemonpodupdater_lane_resizes_total',
    help: 'Changes of the number of lanes, by why',
    labels: ['reason'],
  },
  laneResizesFailed: {
    name: 'daemonpodupdater_lane_resize_failures_total',
    help: 'Changes of the number of lanes that ended with an error',
  },
  laneDecisions: {
    name: 'daemonpodupdater_lane_decisions_total',
    help: 'Decisions about the number of lanes, those that kept it included, by why',
    labels: ['reason'],
  },
  configErrors: {
    name: 'daemonpodupdater_config_errors_total',
    help: 'Settings that were refused at run time, by where they came from',
    labels: ['source'],
  },
  watchRestarts: {
    name: 'daemonpodupdater_watch_restarts_total',
    help: 'Lists and watches that ended with a problem and were started again',
    labels: ['resource'],
  },
  objectsLeftOut: {
    name: 'daemonpodupdater_objects_left_out_total',
    help: 'Objects of lists and watches that could not be used, each time that one was read',
    labels: ['resource'],
  },
  eventsDropped: { name: 'daemonpodupdater_events_dropped_total', help: 'Kubernetes Events that could not be written' },
  eventsSuppressed: {
    name: 'daemonpodupdater_events_suppressed_total',
    help: 'Kubernetes Events that were not made because there were too many of that object, by type',
    labels: ['type'],
  },
} as const satisfies Record<string, MetricDefinition>;

export const gauges = {
  workqueueDepth: { name: 'workqueue_depth', help: 'Slots that wait for a lane', labels: QUEUE },
  workqueueUnfinished: {
    name: 'workqueue_unfinished_work_seconds',
    help: 'Sum of the ages of all work that has begun and not ended',
    labels: QUEUE,
  },
  workqueueLongest: {
    name: 'workqueue_longest_running_processor_seconds',
    help: 'Age of the oldest work that has not ended',
    labels: QUEUE,
  },
  watchStaleness: {
    name: 'daemonpodupdater_watch_staleness_seconds',
    help: 'Since the API server was last heard on a list or watch of the resource, on the one that waits longest',
    labels: ['resource'],
  },
  dryRun: { name: 'daemonpodupdater_dry_run', help: '1: this process writes nothing and only says what it would do' },
  leader: { name: 'leader_election_master_status', help: '1 while this process holds the lease', labels: ['name'] },
  eligible: { name: 'daemonpodupdater_rollout_eligible', help: 'Nodes that should run the pod', labels: ROLLOUT },
  updated: { name: 'daemonpodupdater_rollout_updated', help: 'Nodes whose pod is current', labels: ROLLOUT },
  available: { name: 'daemonpodupdater_rollout_available', help: 'Nodes with an available pod', labels: ROLLOUT },
  unavailable: {
    name: 'daemonpodupdater_rollout_unavailable',
    help: 'Eligible Ready nodes without an available pod: what the budget bounds',
    labels: ROLLOUT,
  },
  inFlight: { name: 'daemonpodupdater_rollout_in_flight', help: 'Replacements under way', labels: ROLLOUT },
  skippedNotReady: {
    name: 'daemonpodupdater_rollout_skipped_not_ready',
    help: 'Nodes with an old pod that are not Ready',
    labels: ROLLOUT,
  },
  repeated: {
    name: 'daemonpodupdater_rollout_repeated',
    help: 'Nodes that wait because their pods were deleted for the same revision again and again',
    labels: ROLLOUT,
  },
  refused: {
    name: 'daemonpodupdater_rollout_refused',
    help: 'Nodes with a write to their pod that the API server refused: a deletion, a forced one, or a mark',
    labels: ROLLOUT,
  },
  failed: { name: 'daemonpodupdater_rollout_failed', help: 'Nodes whose update failed', labels: ROLLOUT },
  joining: {
    name: 'daemonpodupdater_rollout_joining',
    help: 'Nodes that joined a short time ago and have not had an available pod yet',
    labels: ROLLOUT,
  },
  brokenBefore: {
    name: 'daemonpodupdater_rollout_broken_before',
    help: 'Nodes without an available pod since long before their update, and still after it',
    labels: ROLLOUT,
  },
  failedByCause: {
    name: 'daemonpodupdater_rollout_failed_by_cause',
    help: 'Nodes whose update failed, by why',
    labels: [...ROLLOUT, 'cause'],
  },
  allowedUnavailable: {
    name: 'daemonpodupdater_rollout_allowed_unavailable',
    help: 'maxUnavailable as a number of nodes',
    labels: ROLLOUT,
  },
  window: { name: 'daemonpodupdater_rollout_window', help: 'Replacements allowed at once now', labels: ROLLOUT },
  blocked: {
    name: 'daemonpodupdater_rollout_blocked',
    help: '1 while nothing new is decided, for the reason that status tells',
    labels: ROLLOUT,
  },
  paused: {
    name: 'daemonpodupdater_rollout_paused',
    help: '1 while its DaemonSet asks that nothing new begins',
    labels: ROLLOUT,
  },
  paceRate: {
    name: 'daemonpodupdater_rollout_replacements_per_second',
    help: 'Replacements that became available, a second, as the pace sees it',
    labels: ROLLOUT,
  },
  paceUndisturbed: {
    name: 'daemonpodupdater_rollout_undisturbed_replacement_seconds',
    help: 'How long a replacement takes when none waits for another; 0 when not known yet',
    labels: ROLLOUT,
  },
  pacePhase: {
    name: 'daemonpodupdater_rollout_pace_phase',
    help: '1 for the phase that the pace is in, which says why the window is what it is',
    labels: [...ROLLOUT, 'phase'],
  },
  laneQueueDepth: { name: 'daemonpodupdater_lane_queue_depth', help: 'Slots that wait for the lane', labels: LANE },
  laneUtilization: {
    name: 'daemonpodupdater_lane_event_loop_utilization',
    help: 'Share of the time in which the event loop of the lane was busy',
    labels: LANE,
  },
  laneHeap: { name: 'daemonpodupdater_lane_heap_bytes', help: 'Heap in use by the lane', labels: LANE },
  lanesWanted: { name: 'daemonpodupdater_lanes_wanted', help: 'Lanes asked for or chosen' },
  lanesActual: { name: 'daemonpodupdater_lanes_actual', help: 'Lanes whose thread runs' },
  lanesReason: {
    name: 'daemonpodupdater_lanes_reason',
    help: '1 for the reason why as many lanes are wanted as are',
    labels: ['reason'],
  },
} as const satisfies Record<string, MetricDefinition>;

export const histograms = {
  queueDuration: {
    name: 'workqueue_queue_duration_seconds',
    help: 'How long a slot waited for a lane',
    labels: QUEUE,
    buckets: WORKQUEUE_BUCKETS_SECONDS,
  },
  workDuration: {
    name: 'workqueue_work_duration_seconds',
    help: 'How long a lane worked on a slot',
    labels: QUEUE,
    buckets: WORKQUEUE_BUCKETS_SECONDS,
  },
  requestDuration: {
    name: 'rest_client_request_duration_seconds',
    help: 'How long requests to the API server took',
    labels: ['verb', 'host'],
    buckets: REQUEST_BUCKETS_SECONDS,
  },
  laneQueueWait: {
    name: 'daemonpodupdater_lane_queue_wait_seconds',
    help: 'How long a slot waited for the lane',
    labels: LANE,
    buckets: LANE_BUCKETS_SECONDS,
  },
  laneTaskDuration: {
    name: 'daemonpodupdater_lane_task_duration_seconds',
    help: 'How long a task took in the lane',
    labels: LANE,
    buckets: LANE_BUCKETS_SECONDS,
  },
} as const satisfies Record<string, MetricDefinition & { readonly buckets: readonly number[] }>;

/** What a rollout shows; as gauges of the same names. */
export type RolloutFigure =
  | 'eligible'
  | 'updated'
  | 'available'
  | 'unavailable'
  | 'inFlight'
  | 'skippedNotReady'
  | 'repeated'
  | 'refused'
  | 'failed'
  | 'joining'
  | 'brokenBefore'
  | 'allowedUnavailable'
  | 'window'
  | 'blocked'
  | 'paused';

export const ROLLOUT_FIGURES: readonly RolloutFigure[] = [
  'eligible',
  'updated',
  'available',
  'unavailable',
  'inFlight',
  'skippedNotReady',
  'repeated',
  'refused',
  'failed',
  'joining',
  'brokenBefore',
  'allowedUnavailable',
  'window',
  'blocked',
  'paused',
];

/** Records, so that the compiler notices a missing one. */
const CODES: Readonly<Record<OutcomeCode, true>> = {
  done: true,
  gone: true,
  throttled: true,
  conflict: true,
  forbidden: true,
  rejected: true,
  fenced: true,
  'dry-run': true,
  unknown: true,
};
const LANE_REASON_TABLE: Readonly<Record<LaneReason, true>> = {
  set: true,
  cluster: true,
  'lanes-busy': true,
  'no-gain': true,
  'lanes-idle': true,
  'api-server': true,
  'rate-limit': true,
  'at-max': true,
  steady: true,
};
/** Why there are as many lanes; `set`: somebody asked for that number. */
export type LaneReason = ScaleReason | 'set';
export const LANE_REASONS = Object.keys(LANE_REASON_TABLE) as readonly LaneReason[];
export const EVENT_TYPES = ['Normal', 'Warning'] as const;
export const CONFIG_SOURCES = ['config-file', 'admin'] as const;
export const TASK_ACTIONS = ACTIONS.map(({ name }) => name);
export const TASK_CODES = Object.keys(CODES);

/** The statuses that are common enough to be there from the start. */
export const COMMON_STATUSES = ['200', '201', '404', '409', '429', '500'];
export const WATCHED_RESOURCES = ['nodes', 'daemonsets', 'pods', 'controllerrevisions'];
