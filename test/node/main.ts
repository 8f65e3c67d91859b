/** Two real nodes for people: `node test/node/main.ts` starts them and prints the kubeconfig's path. */
import { startRealNodes } from './cluster.ts';
import { whyNoNode } from './requirements.ts';

const LIFETIME_MS = 60 * 60_000;

async function up(): Promise<void> {
  const { plane, nodes } = await startRealNodes(LIFETIME_MS);
  const names = nodes.map(({ name }) => name).join(', ');
  process.stderr.write(`${names} at ${plane.serverUrl}, logs in ${plane.files.logs}; ends with Ctrl-C\n`);
  process.stdout.write(`${plane.adminKubeconfigPath}\n`);
  const keepAlive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  clearInterval(keepAlive);
  await plane.stop();
}

const why = await whyNoNode();
if (why === undefined) await up();
else {
  process.stderr.write(`no real node here: ${why}\n`);
  process.exitCode = 1;
}
