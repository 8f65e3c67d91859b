import { type ClusterOptions, SimulatedCluster } from './cluster.ts';
import { makeDaemonSet, makeNode } from './make-objects.ts';
import { createRandom, forkRandom, type Random, shuffled } from './random.ts';

/** A rollout to play: what the command `simulate` asks for. */
export interface ScenarioOptions {
  readonly nodes: number;
  readonly daemonSets: number;
  /** As in the annotation: a number or a percentage. */
  readonly maxUnavailable: string;
  readonly strategy: 'AdvancedRollingUpdate' | 'OTA' | 'RollingUpdate';
  /** Nodes that go NotReady, half of them before the rollout and half during it; every second one comes back. */
  readonly notReadyPercent: number;
  /** Nodes where the new version never becomes ready. */
  readonly badNodesPercent: number;
  readonly startupMs: number;
  readonly podsPerSecond: number;
  readonly minReadySeconds: number;
  readonly seed: number;
}

const SCENARIO_DEFAULTS: ScenarioOptions = {
  nodes: 100,
  daemonSets: 1,
  maxUnavailable: '10%',
  strategy: 'AdvancedRollingUpdate',
  notReadyPercent: 0,
  badNodesPercent: 0,
  startupMs: 2000,
  podsPerSecond: 60,
  minReadySeconds: 0,
  seed: 1,
};

const NAMESPACE = 'default';
const OLD_IMAGE = 'registry.example/agent:v1';
const NEW_IMAGE = 'registry.example/agent:v2';
const ZONES = ['zone-a', 'zone-b', 'zone-c'];
const POOLS = ['general', 'edge', 'large'];

/** What a scenario will do to nodes once the rollout starts. */
export interface NodePlan {
  readonly name: string;
  /** After the start of the rollout; 0 or less: before it. */
  readonly downAfterMs: number;
  /** Undefined: never. */
  readonly upAfterMs: number | undefined;
}

export interface Scenario {
  readonly cluster: SimulatedCluster;
  /** `namespace/name` of the DaemonSets, in order of their number. */
  readonly daemonSets: readonly string[];
  readonly nodePlans: readonly NodePlan[];
  readonly badNodes: readonly string[];
  /** Changes the templates and sets going what happens to nodes. To be called once, when the clients are ready. */
  start(): void;
  /** Nodes that will still go or come back; 0 before the start. */
  pendingNodeChanges(): number;
}

function nodeName(index: number, count: number): string {
  return `node-${String(index).padStart(String(count - 1).length, '0')}`;
}

/** How long the rollout should take, roughly: the times of what happens meanwhile are drawn from it. */
function estimatedMs(options: ScenarioOptions): number {
  const creationMs = (options.nodes * options.daemonSets * 1000) / options.podsPerSecond;
  const percent = /^(\d+)%$/.exec(options.maxUnavailable)?.[1];
  const window = percent === undefined ? Number(options.maxUnavailable) || 1 : (options.nodes * Number(percent)) / 100;
  const oneMs = options.startupMs + options.minReadySeconds * 1000 + 1000;
  return Math.max(creationMs, (options.nodes / Math.max(1, window)) * oneMs) + oneMs;
}

function planNodes(options: ScenarioOptions, names: readonly string[], random: Random): NodePlan[] {
  const count = Math.round((names.length * options.notReadyPercent) / 100);
  const lengthMs = estimatedMs(options);
  return names.slice(0, count).map((name, index) => {
    const downAfterMs = index % 2 === 0 ? 0 : random() * 0.6 * lengthMs;
    const isReturning = index % 4 < 2;
    const upAfterMs = isReturning ? downAfterMs + (0.1 + 0.4 * random()) * lengthMs : undefined;
    return { name, downAfterMs, upAfterMs };
  });
}

function createNodes(cluster: SimulatedCluster, count: number): string[] {
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = nodeName(index, count);
    const zone = ZONES[index % ZONES.length] ?? '';
    const pool = POOLS[Math.floor(index / ZONES.length) % POOLS.length] ?? '';
    cluster.createNode(makeNode({ name, labels: { 'topology.kubernetes.io/zone': zone, 'example.com/pool': pool } }));
    names.push(name);
  }
  return names;
}

function createDaemonSets(cluster: SimulatedCluster, options: ScenarioOptions): string[] {
  const isNative = options.strategy === 'RollingUpdate';
  const annotations = {
    'apps.openyurt.io/update-strategy': options.strategy,
    'apps.openyurt.io/max-unavailable': options.maxUnavailable,
  };
  const keys: string[] = [];
  for (let index = 1; index <= options.daemonSets; index += 1) {
    const name = index === 1 ? 'agent' : `agent-${index}`;
    const daemonSet = makeDaemonSet({
      name,
      namespace: NAMESPACE,
      image: OLD_IMAGE,
      updateStrategy: isNative ? 'RollingUpdate' : 'OnDelete',
      annotations: isNative ? {} : annotations,
      minReadySeconds: options.minReadySeconds,
      // As node agents have it: their pods belong on nodes that are NotReady, too.
      podSpec: { tolerations: [{ operator: 'Exists' }] },
    });
    const rollingUpdate = { maxUnavailable: options.maxUnavailable };
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate };
    cluster.createDaemonSet(isNative ? { ...daemonSet, spec: { ...daemonSet.spec, updateStrategy } } : daemonSet);
    cluster.fillDaemonSet(`${NAMESPACE}/${name}`);
    keys.push(`${NAMESPACE}/${name}`);
  }
  return keys;
}

/** A cluster whose pods all run the old version, ready for a rollout. The same options give the same run. */
export function createScenario(partial: Partial<ScenarioOptions>, clusterOptions: ClusterOptions): Scenario {
  const options: ScenarioOptions = { ...SCENARIO_DEFAULTS, ...partial };
  const random = createRandom(options.seed);
  const { startupMs, podsPerSecond } = options;
  const cluster = new SimulatedCluster({ startupMs, podsPerSecond, ...clusterOptions }, forkRandom(random));
  const names = createNodes(cluster, options.nodes);
  const daemonSets = createDaemonSets(cluster, options);
  cluster.advanceTo(cluster.nowMs + 3000);
  const drawn = shuffled(random, names);
  const nodePlans = planNodes(options, drawn, random);
  const badCount = Math.round((names.length * options.badNodesPercent) / 100);
  const badNodes = drawn.slice(nodePlans.length, nodePlans.length + badCount);
  for (const [index, name] of badNodes.entries()) {
    cluster.setBadImage(name, NEW_IMAGE, index % 2 === 0 ? 'CrashLoopBackOff' : 'ImagePullBackOff');
  }
  for (const plan of nodePlans) if (plan.downAfterMs <= 0) cluster.setNodeReady(plan.name, false);
  let pending = 0;
  const change = (name: string, afterMs: number, isReady: boolean): void => {
    pending += 1;
    cluster.timeline.after(afterMs, () => {
      pending -= 1;
      cluster.setNodeReady(name, isReady);
    });
  };
  const start = (): void => {
    for (const { name, downAfterMs, upAfterMs } of nodePlans) {
      if (downAfterMs > 0) change(name, downAfterMs, false);
      if (upAfterMs !== undefined) change(name, upAfterMs, true);
    }
    for (const key of daemonSets) cluster.updateTemplate(key, NEW_IMAGE);
  };
  return { cluster, daemonSets, nodePlans, badNodes, start, pendingNodeChanges: () => pending };
}
