/** Two real nodes for people: `node test/node/main.ts` starts them and prints the kubeconfig's path. */
import { stopAtSignal } from '../control-plane/stop-at-signal.ts';
import { startRealNodes } from './cluster.ts';
import { whyNoNode } from './requirements.ts';

const LIFETIME_MS = 60 * 60_000;

async function up(): Promise<void> {
  const { plane, nodes } = await startRealNodes(LIFETIME_MS);
  const names = nodes.map(({ name }) => name).join(', ');
  process.stderr.write(`${names} at ${plane.serverUrl}, logs in ${plane.files.logs}; ends with Ctrl-C\n`);
  process.stdout.write(`${plane.adminKubeconfigPath}\n`);
  await stopAtSignal(plane);
}

const why = await whyNoNode();
if (why === undefined) await up();
else {
  process.stderr.write(`no real node here: ${why}\n`);
  process.exitCode = 1;
}
