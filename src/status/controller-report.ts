import { z } from 'zod';
import { clipLine, oneLine } from '../kube/one-line.ts';

/** How a running controller stands, as `status` shows it; from `/admin/status` or from its lease. */
export type ControllerReport = z.infer<typeof controllerReport>;

/** Whoever may write the lease may write anything into it. */
const text = (charactersMax: number) => z.string().transform((value) => oneLine(value, charactersMax));
/** Of sentences it is said that they go on. */
const sentence = (charactersMax: number) => z.string().transform((value) => clipLine(value, charactersMax));
/** Each a schema of its own, because a description belongs to one. */
export const count = () => z.int().nonnegative();
export const figure = () => z.number().nonnegative();

export const workersReport = z.object({
  setting: z.union([z.literal('auto'), count()]).describe('the number that was asked for, or auto'),
  source: text(40).describe('who set it: flag, config-file, environment, default, admin'),
  wanted: count().describe('threads that there shall be'),
  actual: count().describe('threads that there are'),
  reason: text(40).describe('why as many are wanted; the values of the label reason of daemonpodupdater_lanes_reason'),
  cpus: figure().describe('CPUs that the process may use'),
  decisions: z
    .array(z.object({ at: z.iso.datetime(), from: count(), to: count(), reason: text(40) }))
    .max(100)
    .readonly()
    .describe('the latest about the number of threads, oldest first'),
});

/** The API server's words are only those of the first node; others may differ. */
const refusal = z.object({
  action: text(40).describe('delete, force-delete or mark'),
  code: text(40).describe('forbidden: a right is missing; rejected: refused for another reason, such as a webhook'),
  count: count().describe('nodes where it is refused'),
  nodes: z.array(text(253)).max(10).readonly().describe('the first of them'),
  message: sentence(300).describe("the API server's words"),
});

/** What warnings are made of. */
export const troubles = {
  refused: count().describe('nodes with a write to their pod that was refused'),
  refusals: z.array(refusal).max(10).readonly().describe('which writes are refused, where, and why'),
  repeated: count().describe('nodes that get an old pod again and again'),
  failures: z
    .record(z.string(), count())
    .transform((causes) => Object.fromEntries(Object.entries(causes).map(([cause, n]) => [oneLine(cause, 40), n])))
    .describe('nodes that failed, by cause'),
};

const rollout = z.object({
  daemonSet: text(320).describe('namespace/name'),
  strategy: text(40).optional().describe('absent: not known to that version, or not OTA'),
  allowed: count().describe('nodes that may be unavailable at once'),
  blocked: sentence(300).optional().describe('why nothing new is decided about it, for people'),
  isPaused: z.boolean().optional().describe('its DaemonSet asks for that'),
  blockedBy: text(40).optional().describe('the same as one of the codes of reasons'),
  heldBy: text(40).optional().describe('what holds back the node whose turn it would be: a code of reasons'),
  maxInFlightPerDaemonSet: count()
    .optional()
    .describe('replacements in flight, at most, when that is less than is allowed'),
  maxInFlight: count().optional().describe('the same by what --max-in-flight leaves to it'),
  refused: troubles.refused.optional(),
  repeated: troubles.repeated.optional(),
  refusals: troubles.refusals.optional(),
  failures: troubles.failures.optional(),
  pace: z
    .object({
      phase: text(40).describe('max, idle, starting, steady or stalled'),
      window: count().describe('replacements in flight, at most'),
      reason: sentence(300).describe('why, for people'),
      ratePerSecond: figure().describe('replacements that become available a second'),
      undisturbedMs: figure().optional().describe('how long one takes when none waits for another, if it is known'),
    })
    .describe('how many pods go at once, and why'),
});

export const controllerReport = z.object({
  identity: text(320).describe('who holds the lease'),
  isLeading: z.boolean().describe('false: it was asked itself, and stands by'),
  isDryRun: z.boolean().optional().describe('it writes nothing'),
  workers: workersReport.describe('its worker threads'),
  lanes: z
    .array(
      z.object({
        lane: count().describe('number of the worker thread'),
        tasks: count().describe('that ended in it'),
        queued: count().describe('pods that wait for it'),
        utilization: figure().describe('share of the last seconds in which it was busy, 0 to 1'),
      }),
    )
    .max(100)
    .readonly(),
  rollouts: z.array(rollout).readonly().describe('those that were asked for, as the controller has them'),
  rolloutsLeftOut: count()
    .default(0)
    .describe('DaemonSets that are not in rollouts, because the lease has no room for them'),
});

export type ParsedReport =
  | { readonly ok: true; readonly report: ControllerReport }
  /** For people: the first thing that is wrong. */
  | { readonly ok: false; readonly message: string };

/** Checks what somebody else says, and makes its texts fit for a terminal. What it does not know is left out. */
export function parseControllerReport(value: unknown): ParsedReport {
  const parsed = controllerReport.safeParse(value);
  if (parsed.success) return { ok: true, report: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, message: oneLine(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, 200) };
}

/** The same for what `workers` is answered. */
export function parseWorkersReport(value: unknown): z.infer<typeof workersReport> | undefined {
  return workersReport.safeParse(value).data;
}
