import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigWatcher, type ConfigWatcherOptions } from '../../src/manager/settings/config-watcher.ts';

const DEADLINE_MS = 30_000;

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    assert.ok(performance.now() < deadlineMs, `waited for: ${what}`);
    await sleep(5);
  }
}

interface Watched {
  readonly told: string[];
  readonly watcher: ConfigWatcher;
}

type Given = Omit<ConfigWatcherOptions, 'onText' | 'onProblem'>;

function watching(context: TestContext, given: Given): Watched {
  const told: string[] = [];
  const watcher = new ConfigWatcher({
    pollIntervalMs: 60_000,
    ...given,
    onText: (next) => told.push(next),
    onProblem: (message) => told.push(`problem: ${message.replace(given.file, 'FILE')}`),
  });
  context.after(() => watcher.close());
  return { told, watcher };
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'daemonpodupdater-config-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** As the kubelet does it: a new folder with the files, and one link swapped by a rename. */
function publish(path: string, version: string, text: string): void {
  mkdirSync(join(path, version));
  writeFileSync(join(path, version, 'config.yaml'), text);
  symlinkSync(version, join(path, '..data_tmp'));
  renameSync(join(path, '..data_tmp'), join(path, '..data'));
}

test('config watcher: a mounted ConfigMap is swapped → the new text, once for each swap', async (context) => {
  const path = folder(context);
  publish(path, '..1', 'a');
  symlinkSync('..data/config.yaml', join(path, 'config.yaml'));
  const { told } = watching(context, { file: join(path, 'config.yaml'), text: 'a' });
  publish(path, '..2', 'b');
  await until(() => told.length === 1, 'the first swap');
  publish(path, '..3', 'c');
  await until(() => told.length === 2, 'the second swap');
  assert.deepEqual(told, ['b', 'c']);
});

test('config watcher: other files change, and the file is written with what it held → silence', async (context) => {
  const path = folder(context);
  const file = join(path, 'config.yaml');
  writeFileSync(file, 'a');
  const { told } = watching(context, { file, text: 'a', pollIntervalMs: 10 });
  const looking = watching(context, { file, text: 'something else', pollIntervalMs: 20 });
  writeFileSync(join(path, 'other'), 'x');
  writeFileSync(file, 'a');
  await until(() => looking.told.length > 0, 'a watcher to look');
  writeFileSync(join(path, 'next'), 'b');
  renameSync(join(path, 'next'), file);
  await until(() => told.length > 0, 'the change');
  assert.deepEqual(told, ['b']);
});

test('config watcher: looks find the file while it is written → looks again after a while, and tells only what stays', async (context) => {
  const isMissing = Object.assign(new Error(), { code: 'ENOENT' });
  const looks = ['', 'b', isMissing, 'c'];
  const atMs: number[] = [];
  const read = async (): Promise<string> => {
    atMs.push(performance.now());
    await sleep(20);
    const found = looks[Math.min(atMs.length, looks.length) - 1] ?? '';
    if (found instanceof Error) throw found;
    return found;
  };
  const { told } = watching(context, { file: 'config.yaml', text: 'a', pollIntervalMs: 5, read });
  await until(() => told.includes('c'), 'the last text');
  assert.deepEqual(told, ['c']);
  const gapsMs = atMs.slice(1, looks.length + 1).map((ms, index) => ms - (atMs[index] ?? 0));
  assert.ok(Math.min(...gapsMs) > 90, `looked again after ${gapsMs.join(', ')} ms`);
});

test('config watcher: asked twice, and the first reading takes longer → the later text is told last', async (context) => {
  const found = [sleep(20).then(() => 'old'), Promise.resolve('new')];
  const read = async (): Promise<string> => (await found.shift()) ?? '';
  const { told, watcher } = watching(context, { file: 'config.yaml', text: 'a', read });
  await Promise.all([watcher.reread(), watcher.reread()]);
  assert.deepEqual(told, ['old', 'new']);
});

test('config watcher: the file goes away → told once; it comes back with another text → that text', async (context) => {
  const path = folder(context);
  const file = join(path, 'config.yaml');
  writeFileSync(file, 'a');
  const { told } = watching(context, { file, text: 'a', pollIntervalMs: 20 });
  rmSync(file);
  await until(() => told.length === 1, 'the problem');
  writeFileSync(join(path, 'next'), 'b');
  renameSync(join(path, 'next'), file);
  await until(() => told.length === 2, 'the text');
  assert.deepEqual(told, ['problem: FILE cannot be read: no such file or directory', 'b']);
});

test('config watcher: the folder itself is replaced, which no notification tells → polling finds it', async (context) => {
  const path = folder(context);
  const inner = join(path, 'inner');
  mkdirSync(inner);
  writeFileSync(join(inner, 'config.yaml'), 'a');
  const { told } = watching(context, { file: join(inner, 'config.yaml'), text: 'a', pollIntervalMs: 50 });
  renameSync(inner, join(path, 'old'));
  mkdirSync(join(path, 'next'));
  writeFileSync(join(path, 'next', 'config.yaml'), 'b');
  renameSync(join(path, 'next'), inner);
  await until(() => told.includes('b'), 'the new folder’s file');
  writeFileSync(join(inner, 'config.yaml'), 'c');
  await until(() => told.includes('c'), 'a change of it');
});

test('config watcher: something happens in the folder all the time → the change is found all the same', async (context) => {
  const path = folder(context);
  const file = join(path, 'config.yaml');
  writeFileSync(file, 'a');
  const { told } = watching(context, { file, text: 'a' });
  writeFileSync(file, 'b');
  const noise = setInterval(() => writeFileSync(join(path, 'noise'), 'x'), 20);
  context.after(() => clearInterval(noise));
  await until(() => told.length === 1, 'the change');
});

test('config watcher: read again on request → told even when nothing is new', async (context) => {
  const file = join(folder(context), 'config.yaml');
  writeFileSync(file, 'a');
  const { told, watcher } = watching(context, { file, text: 'a' });
  await watcher.reread();
  assert.deepEqual(told, ['a']);
});

test('config watcher: closed → silence', async (context) => {
  const file = join(folder(context), 'config.yaml');
  writeFileSync(file, 'a');
  const { told, watcher } = watching(context, { file, text: 'a', pollIntervalMs: 5 });
  const other = watching(context, { file, text: 'a', pollIntervalMs: 5 });
  watcher.close();
  writeFileSync(file, 'b');
  await until(() => other.told.length === 1, 'another watcher to see it');
  assert.deepEqual(told, []);
});
