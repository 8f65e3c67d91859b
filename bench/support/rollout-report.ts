import type { ObservedRollout } from '../../test/control-plane/observed-rollout.ts';
import type { CpuUse } from '../cpu-use.ts';
import { printTable } from '../report.ts';

/** `ours-max`: with the whole budget, as the annotation `daemonpodupdater.io/pace: max` has it. */
export type Contender = 'native' | 'delete-all' | 'ours' | 'ours-max';

export interface Result {
  readonly contender: Contender;
  readonly observed: ObservedRollout;
  readonly wallSeconds: number;
  /** Of the process that decides: the controller manager (pod creation included) or the updater with all its threads. */
  readonly cpuMsPerPod: number | undefined;
  readonly peakRssMb: number | undefined;
  readonly writesPerPod: number;
  readonly duplicateWrites: number;
  readonly cpuUse: CpuUse;
}

/** They do the same for each pod, whoever decides: what they need tells how fast the machine was then. */
const SAME_WORK = ['etcd', 'kube-scheduler', 'kwok'];

interface Column {
  readonly head: string;
  readonly digits: number;
  /** NaN: there is none. `native` is that of the same round: the machine is another one a few minutes later. */
  readonly value: (result: Result, native: Result | undefined) => number;
}

const COLUMNS: readonly Column[] = [
  { head: 'wall s', digits: 1, value: ({ wallSeconds }) => wallSeconds },
  { head: '× native', digits: 2, value: (result, native) => result.wallSeconds / (native?.wallSeconds ?? Number.NaN) },
  {
    head: '× at equal speed',
    digits: 2,
    value: (result, native) =>
      native === undefined
        ? Number.NaN
        : result.wallSeconds / native.wallSeconds / (sameWork(result) / sameWork(native)),
  },
  { head: 'unavailable at worst', digits: 0, value: ({ observed }) => observed.unavailablePeak },
  { head: 'pod-seconds', digits: 0, value: ({ observed }) => observed.unavailablePodSeconds },
  {
    head: '× native ',
    digits: 2,
    value: ({ observed }, native) =>
      observed.unavailablePodSeconds / (native?.observed.unavailablePodSeconds ?? Number.NaN),
  },
  { head: 'ms CPU a pod', digits: 2, value: ({ cpuMsPerPod }) => cpuMsPerPod ?? Number.NaN },
  { head: 'peak RSS MB', digits: 0, value: ({ peakRssMb }) => peakRssMb ?? Number.NaN },
  { head: 'writes a pod', digits: 3, value: ({ writesPerPod }) => writesPerPod },
  { head: 'twice', digits: 0, value: ({ duplicateWrites }) => duplicateWrites },
  { head: 'foreign CPUs', digits: 2, value: ({ cpuUse }) => cpuUse.foreignCpus },
];

export function printRound(round: readonly Result[], nodeCount: number): void {
  printBoth(round, nodeCount, (result, { value }) => value(result, nativeOf(round)));
}

/** Of each contender; the median of ratios is that of the rounds' ratios. */
export function printMedians(rounds: readonly (readonly Result[])[], nodeCount: number): void {
  process.stdout.write(`median of ${rounds.length} rounds\n`);
  printBoth(rounds[0] ?? [], nodeCount, ({ contender }, { value }) =>
    median(
      rounds.flatMap((round) =>
        round.filter((result) => result.contender === contender).map((result) => value(result, nativeOf(round))),
      ),
    ),
  );
}

function printBoth(
  results: readonly Result[],
  nodeCount: number,
  figure: (result: Result, column: Column) => number,
): void {
  for (const columns of [COLUMNS, programColumns(results, nodeCount)]) {
    printTable(
      results.map((result) => ({
        '': result.contender,
        ...Object.fromEntries(columns.map((column) => [column.head, text(figure(result, column), column.digits)])),
      })),
    );
  }
}

/** What each program of the control plane, and the updater, uses. */
function programColumns(results: readonly Result[], nodeCount: number): readonly Column[] {
  const perPod = (seconds: number | undefined) => ((seconds ?? Number.NaN) * 1000) / nodeCount;
  const names = new Set(results.flatMap(({ cpuUse }) => Object.keys(cpuUse.seconds).map(programOf)));
  const sum: Column = {
    head: 'ms CPU a pod of all',
    digits: 2,
    value: ({ cpuUse }) => perPod(Object.values(cpuUse.seconds).reduce((total, seconds) => total + seconds, 0)),
  };
  return [
    sum,
    ...[...names].map((program) => ({
      head: program,
      digits: 2,
      value: ({ cpuUse }: Result) =>
        perPod(Object.entries(cpuUse.seconds).find(([name]) => programOf(name) === program)?.[1]),
    })),
  ];
}

function programOf(name: string): string {
  return name.startsWith('updater') ? 'updater' : name.replace('kube-', '');
}

function sameWork({ cpuUse }: Result): number {
  return SAME_WORK.reduce((sum, name) => sum + (cpuUse.seconds[name] ?? Number.NaN), 0);
}

function nativeOf(round: readonly Result[]): Result | undefined {
  return round.find(({ contender }) => contender === 'native');
}

function text(value: number, digits: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(digits);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
