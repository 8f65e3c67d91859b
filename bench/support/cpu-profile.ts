/** The parts of a `.cpuprofile` that are read here (Chrome DevTools Protocol, `Profiler.Profile`). */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds. */
  readonly startTime: number;
  readonly endTime: number;
  /** Node ids, one a sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample since the one before. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

export interface FunctionTime {
  readonly name: string;
  /** `src/dispatch/dispatcher.ts:120`; '' for the engine's own. */
  readonly place: string;
  readonly selfMs: number;
  /** Share of the time in which the thread did something, 0 to 1. */
  readonly share: number;
}

export interface ThreadTimes {
  readonly wallMs: number;
  readonly busyMs: number;
  /** Most time first. */
  readonly functions: readonly FunctionTime[];
}

const IDLE = new Set(['(idle)', '(root)', '(program)']);

/** Time in each function itself, without what it calls. `root`: a folder's URL that is left out of the places. */
export function selfTimes(profile: CpuProfile, root: string): ThreadTimes {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const times = new Map<string, { name: string; place: string; selfMs: number }>();
  let busyMs = 0;
  profile.samples.forEach((id, index) => {
    const node = nodes.get(id);
    if (node === undefined || IDLE.has(node.callFrame.functionName)) return;
    // What is between this sample and the next one is this sample's.
    const selfMs = Math.max(0, profile.timeDeltas[index + 1] ?? 0) / 1000;
    busyMs += selfMs;
    const name = node.callFrame.functionName || '(anonymous)';
    const place = placeOf(node, root);
    const key = `${name} ${place}`;
    const before = times.get(key) ?? { name, place, selfMs: 0 };
    times.set(key, { ...before, selfMs: before.selfMs + selfMs });
  });
  const functions = [...times.values()]
    .map((time) => ({ ...time, share: busyMs === 0 ? 0 : time.selfMs / busyMs }))
    .sort((a, b) => b.selfMs - a.selfMs);
  return { wallMs: (profile.endTime - profile.startTime) / 1000, busyMs, functions };
}

function placeOf({ callFrame: { url, lineNumber } }: ProfileNode, root: string): string {
  if (url === '') return '';
  const path = url.startsWith(root) ? url.slice(root.length) : url;
  const line = lineNumber + 1;
  const library = path.lastIndexOf('node_modules/');
  return `${library < 0 ? path : path.slice(library + 'node_modules/'.length)}:${line}`;
}

/** Which thread of the program a profile is of, by the code that ran in it. */
export function threadOf(profile: CpuProfile): 'main' | 'lane' | 'simulator' {
  const has = (file: string): boolean => profile.nodes.some(({ callFrame }) => callFrame.url.endsWith(file));
  if (has('/workers/lane-host.ts')) return 'lane';
  return has('/src/simulator/face-thread.ts') ? 'simulator' : 'main';
}
