/** The rules that structure.test.ts holds, as data. docs/design.md says why they are as they are. */

/** Which folder may import which others, types included. A folder that is not listed may not exist. */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  'src/kube': [],
  'src/protocol': ['src/kube'],
  'src/rollout': ['src/kube', 'src/protocol'],
  'src/dispatch': ['src/kube', 'src/protocol'],
  'src/client': ['src/kube', 'src/protocol'],
  'src/cache': ['src/kube', 'src/client'],
  'src/election': ['src/kube', 'src/protocol', 'src/client'],
  'src/controller': ['src/kube', 'src/protocol', 'src/rollout', 'src/dispatch', 'src/election'],
  'src/events': ['src/kube', 'src/protocol', 'src/client', 'src/controller'],
  'src/server': ['src/kube', 'src/protocol', 'src/rollout', 'src/dispatch', 'src/controller'],
  // Never the planner: a checker that shared its code would share its mistakes.
  'src/simulator': ['src/kube'],
  'src/commands': [
    'src/kube',
    'src/protocol',
    'src/rollout',
    'src/dispatch',
    'src/client',
    'src/cache',
    'src/election',
    'src/controller',
    'src/events',
    'src/server',
    'src/simulator',
    'workers',
  ],
  workers: ['src/kube', 'src/protocol', 'src/client'],
};

/** Files directly in src/. The clock is for shells; pure files cannot import it because it is not pure. */
export const rootFiles: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts': ['src/commands'],
  'src/clock.ts': [],
};

/** What a file may never load, also by way of others: megabytes and time in every thread. */
export const neverLoads: Readonly<Record<string, readonly string[]>> = {
  'workers/lane.ts': [
    '@kubernetes/client-node',
    'piscina',
    'prom-client',
    'pino',
    'pino-pretty',
    'src/dispatch',
    'src/rollout',
    'src/cache',
  ],
};

/** In how many files of src/ and workers/ a library may be imported. */
export const libraryFilesMax: Readonly<Record<string, number>> = {
  '@kubernetes/client-node': 2,
  piscina: 2,
  comlink: 2,
  undici: 4,
  pino: 1,
  'pino-pretty': 1,
  'prom-client': 1,
  commander: 2,
  yaml: 2,
  zod: 3,
};

/** Everything in these folders decides and does no I/O, but for the shells below. */
export const pureFolders: readonly string[] = [
  'src/kube',
  'src/protocol',
  'src/rollout',
  'src/controller',
  'src/dispatch',
  'src/cache',
  'src/election',
  'src/events',
  'src/simulator',
  'src/client/json',
  'src/client/protobuf',
  'workers/steps',
];

/** Outside those folders these are pure too. */
export const purePatterns: readonly RegExp[] = [
  /-machine\.ts$/,
  /^src\/client\/(?:requests|failure|status-error|readers|byte-queue|object-name|left-out|[a-z]+-facts)\.ts$/,
];

/** The thin shells inside the pure folders, each with what it talks to. */
export const shells: Readonly<Record<string, string>> = {
  'src/protocol/lane-control.ts': 'types of what Comlink carries; calls over a port are promises',
  'src/dispatch/lane-pool.ts': 'types of the lanes, whose ends are promises',
  'src/dispatch/lane-thread.ts': 'Piscina',
  'src/dispatch/control-link.ts': 'Comlink',
  'src/dispatch/supervised-lane.ts': 'one thread and its replacements; timers',
  'src/dispatch/threaded-lanes.ts': 'all threads; the watchdog timer',
  'src/dispatch/in-process-lanes.ts': 'the same work without threads',
  'src/dispatch/deadline.ts': 'timers',
  'src/cache/reflector.ts': 'lists and watches of the API server; timers',
  'src/election/elector.ts': 'timers',
  'src/election/lease-api.ts': 'the lease in the API server',
  'src/simulator/face.ts': 'HTTP and HTTPS',
  'src/simulator/face-watch.ts': 'open watches; timers',
  'src/simulator/face-thread.ts': "the thread's entry",
  'src/simulator/start.ts': 'starts that thread and talks to it',
  'src/simulator/control.ts': 'types of what that thread answers; its ends are promises',
  'src/events/recorder.ts': 'events in the API server; timers',
};

/** Not in pure code: time, timers, randomness, I/O and everything asynchronous come in as arguments or go out as effects. */
export const impureWords: ReadonlySet<string> = new Set([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'queueMicrotask',
  'Promise',
  'async',
  'await',
  'process',
  'console',
  'fetch',
  'crypto',
  'globalThis',
  'AbortController',
]);

/** The only modules of Node that pure code may use. */
export const pureNodeModules: ReadonlySet<string> = new Set(['node:assert', 'node:assert/strict']);

export const linesMax = 300;
export const linesWanted = 200;

/** Text that ties the repository to one machine or one package host. */
export const foreignText: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'absolute path of a machine', pattern: /(?<![\w.~/}-])\/(?:root|work|home|Users)\/[\w.-]+/ },
  {
    what: 'registry host',
    pattern:
      /\b(?:registry\.npmjs\.org|registry\.yarnpkg\.com|registry-1\.docker\.io|docker\.io|ghcr\.io|k8s\.gcr\.io|gcr\.io\/|quay\.io|registry\.k8s\.io|proxy\.golang\.org|sum\.golang\.org|mcr\.microsoft\.com)/,
  },
  {
    what: 'loopback or private package host',
    pattern: /\bhttps?:\/\/[\w.:-]+\/(?:npm|artifactory|nexus|repository)\b/,
  },
];

/** Exports that no file imports, with who calls them by their name. */
export const calledByName: Readonly<Record<string, string>> = {
  'workers/lane.ts connect': 'Piscina, for the first task of a thread (src/dispatch/lane-thread.ts)',
};
