import { after, before, describe, it } from 'node:test';
import { Observer } from '../control-plane/observer.ts';
import { useCluster } from '../e2e/fixture.ts';
import { killedTenTimes } from './crashes.ts';
import { Rig } from './rig.ts';
import { NODES, SEED } from './settings.ts';

const SCENARIOS: readonly { readonly title: string; readonly run: (rig: Rig) => Promise<void> }[] = [
  {
    title: 'controller: killed ten times at random moments → goes on each time, nothing done twice',
    run: killedTenTimes,
  },
];

const SCENARIO_TIMEOUT_MS = 6 * 60_000;

describe(`chaos: a rollout of ${NODES} nodes (CHAOS_SEED=${SEED})`, () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 500, startupMaxMs: 1500, maxLifetimeMs: 40 * 60_000 });
  let rig: Rig;

  before(async () => {
    const { plane } = cluster();
    rig = new Rig(cluster(), new Observer(plane.client('observer', 'test-observer'), { name: 'agent' }));
    await rig.start();
  });

  for (const { title, run } of SCENARIOS) {
    it(title, { timeout: SCENARIO_TIMEOUT_MS }, async () => await rig.run(run));
  }

  after(async () => {
    process.stdout.write(`\n${NODES} nodes, CHAOS_SEED=${SEED}\n${rig.summary.format()}\n`);
    await rig.observer.stop();
  });
});
