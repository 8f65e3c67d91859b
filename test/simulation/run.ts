import { performance } from 'node:perf_hooks';
import type { Tally } from './network.ts';
import { type Overrides, type Spec, specOf } from './spec.ts';
import { Trace, Violation } from './trace.ts';
import { World } from './world.ts';

export interface Failure {
  readonly rule: string;
  readonly message: string;
  readonly atMs: number;
}

export interface SeedReport {
  readonly spec: Spec;
  readonly failure: Failure | undefined;
  readonly hash: string;
  readonly events: number;
  readonly deletes: number;
  readonly marks: number;
  readonly tally: Tally;
  readonly virtualMs: number;
  readonly settledInMs: number;
  readonly wallMs: number;
  readonly lines: readonly string[];
}

/** Runs one seed: first things go wrong and nothing unsafe may happen, then they stop and everything must settle. */
export function runSeed(seed: number, overrides: Overrides = {}, isRecording = false): SeedReport {
  const startedMs = performance.now();
  const spec = specOf(seed, overrides);
  const trace = new Trace(isRecording);
  let world: World | undefined;
  let settledInMs = 0;
  let failure: Failure | undefined;
  try {
    world = new World(spec, trace);
    world.runFaults();
    settledInMs = world.runCalm();
  } catch (error) {
    failure = failureOf(error, world?.cluster.nowMs ?? 0);
  }
  return {
    spec,
    failure,
    hash: trace.hash,
    events: trace.count,
    deletes: world?.checker.deletes ?? 0,
    marks: world?.checker.marks ?? 0,
    tally: world?.tally ?? new Map(),
    virtualMs: (world?.cluster.nowMs ?? 0) - START_MS,
    settledInMs,
    wallMs: performance.now() - startedMs,
    lines: trace.lines,
  };
}

const START_MS = 1_800_000_000_000;

/** Whatever the program throws is a failure too: its assertions are rules. */
function failureOf(error: unknown, nowMs: number): Failure {
  const atMs = nowMs - START_MS;
  if (error instanceof Violation) return { rule: error.rule, message: error.message, atMs };
  if (error instanceof Error) return { rule: 'exception', message: error.stack ?? error.message, atMs };
  throw error;
}
