import assert from 'node:assert/strict';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WORKERS_PATH } from '../../src/server/admin-routes.ts';
import { ADMIN_HEADER } from '../../src/server/loopback-guard.ts';
import { Cli, eventually, kubeconfig, runCli, simulator, temporaryFolder } from '../integration/support.ts';
import { documentProblems } from './contract.ts';

const LOOPBACK = ['--metrics-bind-address', '127.0.0.1:0', '--health-probe-bind-address', '127.0.0.1:0'];
const RANGE = 'is not a number of worker threads: use a whole number from 1 to 64, or auto';

/** As the kubelet does it: a new folder, and one link that is swapped. */
async function publish(folder: string, version: string, text: string): Promise<void> {
  await mkdir(join(folder, version));
  await writeFile(join(folder, version, 'config.yaml'), text);
  await symlink(version, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
}

async function mountedConfig(context: TestContext, text: string): Promise<{ folder: string; file: string }> {
  const folder = await temporaryFolder(context);
  await publish(folder, '..0', text);
  const file = join(folder, 'config.yaml');
  await symlink('..data/config.yaml', file);
  return { folder, file };
}

test('run: settings that are wrong at the start → exit code 2, with source, value and range', async (context) => {
  const { file } = await mountedConfig(context, 'workers: 0\n');
  const [fromFile, missing, fromVariable] = await Promise.all([
    runCli(context, ['run', '--config', file]),
    runCli(context, ['run', '--config', `${file}.not`]),
    runCli(context, ['run'], { env: { DAEMONPODUPDATER_WORKERS: '6.5' } }),
  ]);
  assert.deepEqual(
    [fromFile, missing, fromVariable].map(({ code }) => code),
    [2, 2, 2],
  );
  assert.equal(fromFile.stderr, `error: workers in ${file}: "0" ${RANGE}\n`);
  assert.equal(missing.stderr, `error: --config: ${file}.not cannot be read: no such file or directory\n`);
  assert.equal(fromVariable.stderr, `error: DAEMONPODUPDATER_WORKERS: "6.5" ${RANGE}\n`);
});

test('run: worker threads set by file, endpoint, command and SIGHUP → each takes effect; what is wrong changes nothing and is told', async (context) => {
  const cluster = await simulator(context, { scenario: { nodes: 5 } });
  const { folder, file } = await mountedConfig(context, 'workers: 2\n');
  const args = ['run', '--kubeconfig', await kubeconfig(context, cluster.url), '--config', file, ...LOOPBACK];
  const env = { DAEMONPODUPDATER_WORKERS: '3', POD_NAME: 'updater-1', POD_NAMESPACE: 'default', POD_UID: 'uid-1' };
  const cli = new Cli(context, args, { env });
  const health = await cli.address('health');
  const workers = async (...more: readonly string[]) => {
    const address = health.replace('http://', '');
    const { code, stdout, stderr } = await runCli(context, ['workers', ...more, '--address', address, '-o', 'json']);
    if (code === 0) assert.deepEqual(documentProblems('workers', JSON.parse(stdout)), []);
    return { code, stderr, report: code === 0 ? JSON.parse(stdout) : undefined };
  };
  const report = async () => (await fetch(`${health}${WORKERS_PATH}`)).json() as Promise<Record<string, unknown>>;
  const settled = (setting: number, source: string) =>
    eventually(`${setting} threads by ${source}: ${cli.output}`, async () => {
      const { wanted, actual, ...rest } = await report();
      return wanted === setting && actual === setting && rest.source === source;
    });
  await settled(2, 'config-file');

  await publish(folder, '..1', 'workers: 4\n');
  await settled(4, 'config-file');

  const byCommand = await workers('1');
  assert.deepEqual([byCommand.code, byCommand.report.source, byCommand.report.wanted], [0, 'admin', 1]);
  await settled(1, 'admin');
  const shown = await workers();
  assert.deepEqual(
    shown.report.decisions.map(({ from, to, reason }: Record<string, unknown>) => [from, to, reason]),
    [
      [2, 2, 'set'],
      [2, 4, 'set'],
      [4, 1, 'set'],
    ],
  );

  await publish(folder, '..2', 'workers: 99\n');
  const refusals = () => cli.logs().filter(({ message }) => message === 'setting refused; the old one stays');
  await eventually('the refusal', () => refusals().length === 1);
  assert.equal(refusals()[0]?.detail, `workers in ${file}: "99" ${RANGE}`);
  const put = await fetch(`${health}${WORKERS_PATH}?value=-1`, { method: 'PUT', headers: { [ADMIN_HEADER]: '1' } });
  assert.equal(put.status, 400);
  assert.equal(await put.text(), `value: "-1" ${RANGE}\n`);
  assert.equal((await report()).wanted, 1);
  const metrics = await (await fetch(`${await cli.address('metrics')}/metrics`)).text();
  assert.match(metrics, /config_errors_total\{source="config-file"\} 1\n/);
  assert.match(metrics, /config_errors_total\{source="admin"\} 1\n/);
  assert.match(metrics, /daemonpodupdater_lanes_actual 1\n/);
  assert.match(metrics, /daemonpodupdater_lane_resizes_total\{reason="set"\} 2\n/);
  await eventually('the Event about the own pod', async () => {
    const response = await fetch(`${cluster.url}/apis/events.k8s.io/v1/namespaces/default/events`);
    const { items } = (await response.json()) as { items: { reason: string; regarding: Record<string, unknown> }[] };
    const about = items.find(({ reason }) => reason === 'InvalidSetting')?.regarding;
    return about?.kind === 'Pod' && about.name === 'updater-1' && about.uid === 'uid-1';
  });

  await publish(folder, '..3', 'workers: 4\n');
  await settled(4, 'config-file');
  await workers('2');
  cli.signal('SIGHUP');
  await settled(4, 'config-file');
  assert.equal((await fetch(`${health}/debug/pprof/profile`)).status, 404);
  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0);
});

test('workers: nobody listens → exit code 1, and what to do', async (context) => {
  const { code, stderr } = await runCli(context, ['workers', '--address', '127.0.0.1:1']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: no controller answers at 127\.0\.0\.1:1: .*in a pod: "kubectl exec".*this health address\n$/,
  );
});
