import { parentPort, workerData } from 'node:worker_threads';
import { AccessPolicy } from './access.ts';
import { type ControlAnswer, type ControlCall, SimulatorControl } from './control.ts';
import { Face } from './face.ts';
import { FaultPlanner, NO_FAULTS } from './faults.ts';
import { createRandom } from './random.ts';
import { createScenario } from './scenario.ts';
import type { SimulatorSettings } from './start.ts';

/** The thread of a simulator: builds the cluster, listens, tells the URL, then answers control calls. */
async function run(settings: SimulatorSettings): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('face-thread.ts runs as a worker thread only');
  const { speed, scenario: wanted, startMs } = settings;
  const access = new AccessPolicy(settings.tokens, settings.restrictedTokens);
  const scenario = createScenario(wanted, {
    startMs,
    timeScale: speed,
    lagMs: settings.lagMs * speed,
    bookmarkIntervalMs: settings.bookmarkIntervalMs,
    historyEventsMax: settings.historyEventsMax,
    authorize: (request, route) => access.authorize(request, route),
  });
  const faults = new FaultPlanner({ ...NO_FAULTS, ...settings.faults }, createRandom((wanted.seed ?? 1) + 1));
  const { latencyMs, unreadBytesMax, certPem, keyPem } = settings;
  const face = new Face({ cluster: scenario.cluster, speed, latencyMs, unreadBytesMax, faults, certPem, keyPem });
  const control = new SimulatorControl({ scenario, face, faults, access });
  const url = await face.listen();
  port.on('message', (call: ControlCall) => {
    if (call.method === 'close') void face.close().then(() => port.close());
    else port.postMessage(answerTo(control, call));
  });
  port.postMessage({ url, daemonSets: scenario.daemonSets });
}

function answerTo(control: SimulatorControl, { id, method, values }: ControlCall): ControlAnswer {
  try {
    const target = control as unknown as Record<string, (...given: readonly unknown[]) => unknown>;
    return { id, value: target[method]?.(...values) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

await run(workerData as SimulatorSettings);
