import { z } from 'zod';
import { WRITES } from '../protocol/actions/registry.ts';
import type { RolloutCounts } from '../rollout/counts.ts';
import {
  NODE_REASONS,
  ROLLOUT_REASONS,
  ROLLOUT_STATES,
  type RolloutReasonCode,
  SIMULATION_REASONS,
  type SimulationReasonCode,
} from './codes.ts';
import { controllerReport, count, figure, troubles, workersReport } from './controller-report.ts';

/** Of everything that the commands print as JSON. Keys are added to it; none is taken away or changes its meaning. */
export const API_VERSION = 'daemonpodupdater.io/v1alpha1';

/** What only the leader knows is not among what a command that looks for itself counts: it would be said to be none. */
export type SeenCounts = Omit<RolloutCounts, 'window' | 'refused' | 'repeated'>;

type Reason<Code extends string> = z.ZodType<{
  readonly code: Code;
  readonly message: string;
  readonly count?: number | undefined;
  readonly nodes?: readonly string[] | undefined;
}>;

const head = <Kind extends string>(kind: Kind) => ({
  apiVersion: z.literal(API_VERSION).describe('group and version of this document'),
  kind: z.literal(kind).describe('which document it is'),
});

const identity = {
  daemonSet: z.string().describe('namespace/name'),
  namespace: z.string().describe('of the DaemonSet'),
  name: z.string().describe('of the DaemonSet'),
};

const counts = {
  eligible: count().describe('nodes that should run the pod; all counts are of nodes'),
  ready: count().describe('of those, Ready ones'),
  updated: count().describe('of those, with the current pod, whether the node is Ready or not'),
  available: count().describe('Ready nodes with an available pod'),
  unavailable: count().describe('what the budget bounds'),
  joining: count().describe('joined a short time ago, and without an available pod until now; not in unavailable'),
  brokenBefore: count().describe(
    'without an available pod since long before their turn, and still; not in unavailable',
  ),
  inFlight: count().describe('replacements under way; under OTA, writes'),
  reserved: count().describe('asked for, and the old pod is available still'),
  skippedNotReady: count().describe('with an old pod or none, and not Ready'),
  failed: count().describe('whose update failed, as far as whoever only looks can tell'),
  waiting: count().describe('whose pod is to be replaced or marked yet'),
  settled: count().describe('done: current, available, nothing asked; under OTA, marked'),
  allowed: count().describe(
    'how many may be unavailable: the maxUnavailable, in nodes; a percentage is of those that can be reached',
  ),
  targetHash: z.string().optional().describe('hash of the newest ControllerRevision; absent: there is none yet'),
  targetCreatedAtMs: z.number().describe('when that was created, in milliseconds since 1970; 0: there is none yet'),
  strategy: z.enum(['AdvancedRollingUpdate', 'OTA']).optional().describe('absent: nothing is to be done'),
  isPaused: z.boolean().describe('its DaemonSet asks that nothing new begins'),
} satisfies Record<keyof SeenCounts, z.ZodType>;

const leader = z
  .object(troubles)
  .nullable()
  .describe(
    'what only the leader knows; null: it told nothing of this DaemonSet, which does not mean that there is none',
  );

const statusSchema = z
  .object({
    ...head('StatusReport'),
    daemonSets: z
      .array(
        z.object({
          ...identity,
          state: oneOf(ROLLOUT_STATES).describe('where it stands'),
          reasons: z
            .array(reason<RolloutReasonCode>(ROLLOUT_REASONS))
            .readonly()
            .describe('what holds it; empty: nothing does'),
          etaSeconds: count().nullable().describe('until every node that can be updated is; null: it cannot be told'),
          ...counts,
          leader,
        }),
      )
      .describe('those that opted in and were asked for'),
    warnings: z.array(z.string()).readonly().describe('what somebody should look at, for people'),
    controller: z
      .union([
        z
          .object({
            ...controllerReport.shape,
            ageMs: figure().describe('since the leader told this'),
            isOutdated: z.boolean().describe('that is longer than its lease lasts: it is gone, or a clock is wrong'),
          })
          .describe('it was reached'),
        z.object({ error: z.string().describe('why it was not, for people') }).describe('it was not reached'),
      ])
      .describe('what the controller tells of itself'),
  })
  .describe('What "daemonpodupdater status -o json" prints; with --watch, one a line.')
  .meta({ title: 'StatusReport' });

const planSchema = z
  .object({
    ...head('PlanReport'),
    ...identity,
    counts: z.object(counts).describe('how the rollout stands'),
    leader,
    limits: z
      .object({
        window: count()
          .optional()
          .describe('replacements in flight at once, as the pace has it; absent: it holds nothing back'),
        maxInFlightPerDaemonSet: count()
          .optional()
          .describe('replacements in flight at once by the limit on one DaemonSet'),
        maxInFlight: count().optional().describe('the same by what --max-in-flight leaves to this DaemonSet'),
        failed: count().optional().describe('nodes that failed, as the leader has seen'),
        failedAway: count().optional().describe('those of them whose node went NotReady soon after'),
        areDeletionsRefused: z.boolean().optional().describe('all deletions are refused, and one is tried a second'),
        blocked: z.string().optional().describe('why the leader decides nothing new, for people'),
        blockedBy: z.string().optional().describe('the same as one of the codes of reasons in status'),
        why: z.string().optional().describe('what limits it besides the budget, for people'),
        seen: z.array(z.string()).readonly().describe('what else its leader has seen, for people'),
      })
      .describe('what only the leader knows of what holds nodes back'),
    reasons: z.partialRecord(oneOf(NODE_REASONS), count()).describe('nodes by reason'),
    nodes: z
      .array(
        z.object({
          node: z.string().describe('its name'),
          pod: z.string().optional().describe('absent: there is none, or more than one'),
          revision: z.string().optional().describe("hash of that pod's revision"),
          reason: oneOf(NODE_REASONS).describe('where the node stands'),
          message: z.string().describe('what is so and what it waits for, for people'),
          next: z
            .enum(WRITES.map(({ name }) => name))
            .optional()
            .describe('what would be asked of its pod now; absent: nothing'),
          trouble: z
            .string()
            .optional()
            .describe(
              "what is wrong with that pod, in the kubelet's words: OutOfcpu, Evicted, ImagePullBackOff; absent: nothing is known",
            ),
          troubleMessage: z
            .string()
            .optional()
            .describe('what the kubelet says of a pod that it refused or ended, clipped'),
        }),
      )
      .readonly()
      .describe('every node that should run the pod or has one, by name'),
  })
  .describe('What "daemonpodupdater plan -o json" prints.')
  .meta({ title: 'PlanReport' });

const workersSchema = z
  .object({ ...head('WorkersReport'), ...workersReport.shape })
  .describe('What "daemonpodupdater workers -o json" prints.')
  .meta({ title: 'WorkersReport' });

const simulationSchema = z
  .object({
    ...head('SimulationReport'),
    seed: count().describe('--seed with this number repeats it'),
    nodes: count().describe('of the simulated cluster'),
    eligible: count().describe('nodes that should run the pod; with several DaemonSets, and under OTA, pods'),
    updated: count().describe('of those, with the new pod available; under OTA, marked'),
    skippedNotReady: count().describe('of those, on nodes that were not Ready until the end'),
    failed: count().describe('of those, with the new pod not available'),
    maxUnavailable: z
      .object({ allowed: count().describe('by the budget'), peak: count().describe('in truth') })
      .describe('pods that were unavailable at once, in the DaemonSet that came closest to its budget'),
    unavailablePodSeconds: figure().describe('time without an available pod, over all nodes'),
    writes: z.object({ deletes: count(), patches: count() }).describe('that were applied to pods'),
    duplicateWrites: count().describe('that were sent twice'),
    orderViolations: count().describe('that came out of order'),
    wallSeconds: figure().describe('how long it took'),
    lanes: z
      .array(z.object({ lane: count(), tasks: count().describe('that ended in it') }))
      .describe('the worker threads'),
    ok: z.boolean().describe('everything that could be updated was, and nothing was violated'),
    end: z
      .enum(['completed', 'stalled', 'timeout', 'interrupted'])
      .describe('how it ended; stalled: nothing moved any more'),
    reasons: z
      .array(reason<SimulationReasonCode>(SIMULATION_REASONS))
      .readonly()
      .describe('why it is not ok; empty when it is'),
  })
  .describe('What "daemonpodupdater simulate --report json" prints.')
  .meta({ title: 'SimulationReport' });

export type StatusDocument = z.infer<typeof statusSchema>;
export type PlanDocument = z.infer<typeof planSchema>;
export type WorkersDocument = z.infer<typeof workersSchema>;
export type SimulationDocument = z.infer<typeof simulationSchema>;

function reason<Code extends string>(codes: Readonly<Record<Code, string>>): Reason<Code> {
  return z.object({
    code: oneOf(codes).describe('for machines'),
    message: z.string().describe('for people'),
    count: count().optional().describe('of the nodes, pods or writes that it is about'),
    nodes: z.array(z.string()).readonly().optional().describe('names of the first of those nodes'),
  });
}

/** One of the words, each with its meaning in the JSON Schema. */
function oneOf<Code extends string>(codes: Readonly<Record<Code, string>>): z.ZodType<Code> & z.ZodUnion {
  return z.union(
    Object.entries<string>(codes).map(([code, meaning]) => z.literal(code as Code).describe(meaning)),
  ) as never;
}

const DOCUMENTS = {
  status: statusSchema,
  plan: planSchema,
  workers: workersSchema,
  simulate: simulationSchema,
};

/** The JSON Schema of what each command prints, by file name in docs/schema. Open: keys that are added later are no mistake. */
export function schemaFiles(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(DOCUMENTS).map(([command, document]) => {
      const schema = z.toJSONSchema(document, { io: 'input', override: ({ jsonSchema }) => tidy(jsonSchema) });
      return [`${command}.json`, `${JSON.stringify(schema, null, 2)}\n`];
    }),
  );
}

/** Without what says nothing. */
function tidy(schema: { readOnly?: boolean; maximum?: number }): void {
  delete schema.readOnly;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}
