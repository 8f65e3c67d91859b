import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimulateOptions } from '../../src/commands/options.ts';
import { SimulatedRun } from '../../src/commands/simulation/simulated-run.ts';
import { documentProblems } from '../commands/contract.ts';
import { runCli } from './support.ts';

const KEYS = [
  'apiVersion',
  'kind',
  'seed',
  'nodes',
  'eligible',
  'updated',
  'skippedNotReady',
  'failed',
  'maxUnavailable',
  'unavailablePodSeconds',
  'writes',
  'duplicateWrites',
  'orderViolations',
  'wallSeconds',
  'lanes',
  'ok',
  'end',
  'reasons',
];

function simulateArgs(...more: readonly string[]): string[] {
  return ['simulate', '--report', 'json', '--speed', '20', '--startup', '500ms', '--workers', '2', ...more];
}

test('simulate: --report json → one object on standard output, with the documented keys in order; exit code 0', async (t) => {
  const args = simulateArgs('--nodes', '60', '--max-unavailable', '10%', '--not-ready', '5%', '--seed', '7');
  const { code, stdout, stderr } = await runCli(t, args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\{.*\}\n$/);
  const report = JSON.parse(stdout);
  assert.deepEqual(documentProblems('simulate', report), []);
  assert.deepEqual(Object.keys(report), KEYS);
  assert.deepEqual(Object.keys(report.maxUnavailable), ['allowed', 'peak']);
  assert.deepEqual(Object.keys(report.writes), ['deletes', 'patches']);
  assert.deepEqual(
    report.lanes.map((lane: object) => Object.keys(lane)),
    [
      ['lane', 'tasks'],
      ['lane', 'tasks'],
    ],
  );
  const { seed, nodes, eligible, updated, skippedNotReady, failed, ok } = report;
  assert.deepEqual({ seed, nodes, eligible, failed, ok }, { seed: 7, nodes: 60, eligible: 60, failed: 0, ok: true });
  assert.equal(updated, eligible - skippedNotReady);
  assert.ok(report.maxUnavailable.peak <= report.maxUnavailable.allowed);
  assert.ok(report.lanes.every(({ tasks }: { tasks: number }) => tasks > 0));
});

test('simulate: OTA of several DaemonSets → patches only; exit code 0', async (t) => {
  const { code, stdout } = await runCli(t, simulateArgs('--nodes', '30', '--daemonsets', '3', '--strategy', 'OTA'));
  assert.equal(code, 0, stdout);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.eligible, report.updated, report.writes], [90, 90, { deletes: 0, patches: 90 }]);
});

test('trust 16: simulate: more bad nodes than the budget allows → stops, says so and why, exit code 1', async (t) => {
  const args = simulateArgs('--nodes', '20', '--max-unavailable', '2', '--bad-nodes', '50%', '--timeout', '6s');
  const { code, stdout, stderr } = await runCli(t, args);
  assert.equal(code, 1, stdout);
  const report = JSON.parse(stdout);
  assert.deepEqual(documentProblems('simulate', report), []);
  assert.deepEqual(
    [report.ok, report.reasons.map(({ code }: { code: string }) => code)],
    [false, [report.end === 'timeout' ? 'timeout' : 'failed-nodes']],
  );
  assert.ok(report.updated < 20 && report.failed > 0);
  assert.ok(report.maxUnavailable.peak <= 2);
  assert.match(stderr, /--timeout|nothing moved/);
});

const mistakes: { name: string; args: string[]; says: RegExp }[] = [
  { name: 'no nodes', args: ['--nodes', '0'], says: /--nodes.*'0'.*1 to 100000/ },
  { name: 'more lanes than 64', args: ['--workers', '65'], says: /65.*1 to 64/s },
  { name: 'a budget over 100 %', args: ['--max-unavailable', '101%'], says: /101%/ },
  { name: 'an unknown strategy', args: ['--strategy', 'BlueGreen'], says: /BlueGreen/ },
  { name: 'an argument too many', args: ['now'], says: /too many arguments/ },
];
for (const { name, args, says } of mistakes) {
  test(`simulate: ${name} → exit code 2, said on standard error, nothing on standard output`, async (t) => {
    const { code, stdout, stderr } = await runCli(t, ['simulate', '--report', 'json', ...args]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, says);
  });
}

test('simulate: interrupted while the cluster cannot be read → it waits no longer', { timeout: 60_000 }, async (t) => {
  const options: SimulateOptions = {
    ...{ nodes: 3, daemonSets: 1, strategy: 'OTA', notReadyPercent: 0, badNodesPercent: 0, startupMs: 500, speed: 20 },
    ...{ maxUnavailable: { value: 10, unit: 'percent' }, workers: 1, seed: 1, timeoutMs: 60_000 },
    ...{ report: 'json', pictureFile: undefined },
  };
  const run = await SimulatedRun.start({ options, seed: 1, listeners: { log() {} } });
  t.after(() => run.close());
  await run.simulator.control.setForbidden([{ verb: 'list', resource: 'nodes' }]);
  const begun = run.begin();
  run.interrupt();
  await begun;
  assert.equal(await run.end(), 'interrupted');
});
