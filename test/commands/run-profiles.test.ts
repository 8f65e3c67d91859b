import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CpuProfile, threadOf } from '../../bench/support/cpu-profile.ts';
import { Cli, eventually, kubeconfig, simulator, temporaryFolder } from '../integration/support.ts';

const WORKERS = 2;
const OURS = /\/(?:src|workers)\/.+\.ts$/;

const SERVERS = ['--metrics-bind-address', '0', '--health-probe-bind-address', '127.0.0.1:0'];

interface HeapProfile {
  readonly head: HeapNode;
}

interface HeapNode {
  readonly callFrame: { readonly url: string };
  readonly children: readonly HeapNode[];
}

function heapUrls({ callFrame, children }: HeapNode): readonly string[] {
  return [callFrame.url, ...children.flatMap(heapUrls)];
}

async function profilesOf<T>(folder: string, ending: string): Promise<T[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(ending)).sort();
  return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as T));
}

test('run: --cpu-prof, ended by SIGTERM → one usable profile a thread; meanwhile profiles over HTTP', async (context) => {
  const cluster = await simulator(context, { scenario: { nodes: 60, startupMs: 100 } });
  const folder = await temporaryFolder(context);
  const args = ['run', '--kubeconfig', await kubeconfig(context, cluster.url), '--workers', String(WORKERS)];
  const cli = new Cli(context, [...args, ...SERVERS, '--enable-debug-endpoints'], {
    nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${folder}`],
  });
  const health = await cli.address('health');
  await eventually(`it leads: ${cli.output}`, () => cli.logs().some(({ message }) => message === 'became leader'));
  await cluster.control.startRollout();

  const cpu = fetch(`${health}/debug/pprof/profile?seconds=2&thread=all`);
  await eventually('another profile is refused while one is taken', async () => {
    const { status } = await fetch(`${health}/debug/pprof/heap?seconds=1&thread=lane-9`);
    assert.equal(status, 400);
    return (await fetch(`${health}/debug/pprof/heap?seconds=1`)).status === 409;
  });
  const profiles = (await (await cpu).json()) as Record<string, CpuProfile>;
  assert.deepEqual(Object.keys(profiles), ['main', 'lane-0', 'lane-1']);
  for (const [thread, profile] of Object.entries(profiles)) assert.ok(profile.samples.length > 0, thread);

  const heap = fetch(`${health}/debug/pprof/heap?seconds=2&thread=all`);
  await eventually('the heap profile has begun', async () => {
    return (await fetch(`${health}/debug/pprof/heap?seconds=1`)).status === 409;
  });
  // Lanes allocate little and keep next to nothing: work for them while they are looked at.
  await cluster.control.updateTemplate('default/agent', 'example.com/agent:3');
  const heaps = (await (await heap).json()) as Record<string, HeapProfile>;
  assert.deepEqual(Object.keys(heaps), ['main', 'lane-0', 'lane-1']);
  for (const [thread, { head }] of Object.entries(heaps)) {
    assert.ok(
      heapUrls(head).some((url) => OURS.test(url)),
      `${thread}: no frame of this project`,
    );
  }

  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0, cli.output);
  const written = await profilesOf<CpuProfile>(folder, '.cpuprofile');
  assert.deepEqual(written.map(threadOf).sort(), ['lane', 'lane', 'main']);
  for (const profile of written) {
    assert.ok(profile.samples.length > 0 && profile.samples.length === profile.timeDeltas.length);
    assert.ok(
      profile.nodes.some(({ callFrame }) => OURS.test(callFrame.url)),
      `${threadOf(profile)}: no frame of this project`,
    );
  }
});

test('run: --heap-prof, ended by SIGTERM → one usable profile a thread', async (context) => {
  const cluster = await simulator(context, { scenario: { nodes: 5 } });
  const folder = await temporaryFolder(context);
  const args = ['run', '--kubeconfig', await kubeconfig(context, cluster.url), '--workers', String(WORKERS)];
  const cli = new Cli(context, [...args, ...SERVERS], {
    // Sampled finely, so that each thread's few megabytes give more than a handful of samples.
    nodeArgs: ['--heap-prof', '--heap-prof-interval=16384', `--heap-prof-dir=${folder}`],
  });
  await eventually(`it leads: ${cli.output}`, () => cli.logs().some(({ message }) => message === 'became leader'));
  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0, cli.output);
  const written = await profilesOf<HeapProfile>(folder, '.heapprofile');
  assert.equal(written.length, 1 + WORKERS);
  for (const { head } of written) assert.ok(heapUrls(head).some((url) => OURS.test(url)));
});
