/**
 * A control plane for people: `node test/control-plane/main.ts build` builds its programs, `… up --nodes 300` starts one
 * and prints the kubeconfig's path.
 */
import { parseArgs } from 'node:util';
import { findBinaries } from './binaries.ts';
import { createNodes } from './cluster.ts';
import { startControlPlane } from './control-plane.ts';
import { stopAtSignal } from './stop-at-signal.ts';

const USAGE = `usage: node test/control-plane/main.ts build
       node test/control-plane/main.ts up [--nodes 300] [--startup-ms 1000] [--lifetime-minutes 60]
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string', default: '300' },
    'startup-ms': { type: 'string', default: '1000' },
    'lifetime-minutes': { type: 'string', default: '60' },
  },
});

async function build(): Promise<void> {
  for (const path of Object.values(await findBinaries())) process.stdout.write(`${path}\n`);
}

async function up(): Promise<void> {
  const plane = await startControlPlane({
    startupMs: Number(values['startup-ms']),
    maxLifetimeMs: Number(values['lifetime-minutes']) * 60_000,
  });
  await createNodes(plane.admin, Number(values.nodes));
  process.stderr.write(`${values.nodes} nodes at ${plane.serverUrl}, logs in ${plane.files.logs}; ends with Ctrl-C\n`);
  process.stdout.write(`${plane.adminKubeconfigPath}\n`);
  await stopAtSignal(plane);
}

if (positionals[0] === 'build') await build();
else if (positionals[0] === 'up') await up();
else {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}
