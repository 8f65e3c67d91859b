import { after, before, describe, it } from 'node:test';
import { Observer } from '../control-plane/observer.ts';
import { useCluster } from '../e2e/fixture.ts';
import { throttled, tokenRotated } from './access.ts';
import { garbledAnswers } from './answers.ts';
import { controlPlaneRestarts, historyForgotten } from './control-plane-faults.ts';
import { killedTenTimes } from './crashes.ts';
import { cutAndSlow, garbledWatches } from './network.ts';
import { nodesComeAndGo } from './nodes.ts';
import { leaderPaused } from './pause.ts';
import { failover } from './replicas.ts';
import { Rig } from './rig.ts';
import { NODES, SEED } from './settings.ts';

const SCENARIOS: readonly { readonly title: string; readonly run: (rig: Rig) => Promise<void> }[] = [
  { title: 'controller: killed ten times at random → goes on each time, nothing done twice', run: killedTenTimes },
  { title: 'API server, etcd: killed and started again → goes on', run: controlPlaneRestarts },
  { title: 'etcd: compacted while the updater is cut off → 410, lists again, goes on', run: historyForgotten },
  { title: 'network: connections cut, everything late → goes on, nothing done twice', run: cutAndSlow },
  { title: 'network: events truncated and garbled → that watch is opened again, and no other', run: garbledWatches },
  {
    title: 'network: answers truncated and garbled → asked again, the lease is kept, nothing done twice',
    run: garbledAnswers,
  },
  { title: 'APF: most requests rejected with 429 → Retry-After is honoured, completes', run: throttled },
  { title: 'token: rotated, the old one revoked → the new one is used', run: tokenRotated },
  { title: 'replicas: the leader killed, then ended → the other one takes over in time', run: failover },
  { title: 'replicas: the leader paused past its lease → no write after it, the other one goes on', run: leaderPaused },
  { title: 'nodes: NotReady at random moments and back → all are updated', run: nodesComeAndGo },
];

const SCENARIO_TIMEOUT_MS = 6 * 60_000;

describe(`chaos: a rollout of ${NODES} nodes (CHAOS_SEED=${SEED})`, () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 500, startupMaxMs: 1500, maxLifetimeMs: 40 * 60_000 });
  let rig: Rig;

  before(async () => {
    const { plane } = cluster();
    rig = new Rig(cluster(), new Observer(plane.client('observer', 'test-observer'), { name: 'agent' }));
    await rig.start();
    rig.say(`${NODES} nodes, CHAOS_SEED=${SEED}`);
  });

  for (const { title, run } of SCENARIOS) {
    it(title, { timeout: SCENARIO_TIMEOUT_MS }, async () => await rig.run(run));
  }

  after(async () => {
    process.stdout.write(`\n${NODES} nodes, CHAOS_SEED=${SEED}\n${rig.summary.format()}\n`);
    await rig.observer.stop();
  });
});
