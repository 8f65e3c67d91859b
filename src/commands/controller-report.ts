import { z } from 'zod';
import { clipLine, oneLine } from '../kube/one-line.ts';

/** How a running controller stands, as `status` shows it; from `/admin/status` or from its lease. */
export type ControllerReport = z.infer<typeof controllerReport>;

/** Whoever may write the lease may write anything into it. */
const text = (charactersMax: number) => z.string().transform((value) => oneLine(value, charactersMax));
/** Of sentences it is said that they go on. */
const sentence = (charactersMax: number) => z.string().transform((value) => clipLine(value, charactersMax));
const count = z.int().nonnegative();
const figure = z.number().nonnegative();

const workers = z.object({
  setting: z.union([z.literal('auto'), count]),
  source: text(40),
  wanted: count,
  actual: count,
  reason: text(40),
  cpus: figure,
  /** Oldest first. */
  decisions: z
    .array(z.object({ at: z.iso.datetime(), from: count, to: count, reason: text(40) }))
    .max(100)
    .readonly(),
});

const rollout = z.object({
  daemonSet: text(320),
  /** Undefined: not known to that version. */
  strategy: text(40).optional(),
  allowed: count,
  /** Why nothing new is decided about it. */
  blocked: sentence(300).optional(),
  /** Its DaemonSet asks for that. */
  isPaused: z.boolean().optional(),
  /** Nodes with a write to their pod that was refused, and those replaced again and again. */
  refused: count.optional(),
  repeated: count.optional(),
  /** Which writes are refused, on how many nodes and on which first, and the API server's words there. */
  refusals: z
    .array(
      z.object({
        action: text(40),
        code: text(40),
        count,
        nodes: z.array(text(253)).max(10).readonly(),
        message: sentence(300),
      }),
    )
    .max(10)
    .readonly()
    .optional(),
  /** Nodes that failed, by cause. */
  failures: z
    .record(z.string(), count)
    .transform((causes) => Object.fromEntries(Object.entries(causes).map(([cause, n]) => [oneLine(cause, 40), n])))
    .optional(),
  pace: z.object({
    phase: text(40),
    window: count,
    reason: sentence(300),
    ratePerSecond: figure,
    undisturbedMs: figure.optional(),
  }),
});

const controllerReport = z.object({
  identity: text(320),
  isLeading: z.boolean(),
  workers,
  lanes: z
    .array(z.object({ lane: count, tasks: count, queued: count, utilization: figure }))
    .max(100)
    .readonly(),
  rollouts: z.array(rollout).readonly(),
  /** DaemonSets that are not in `rollouts`, because the answer is bounded. */
  rolloutsLeftOut: count.default(0),
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
