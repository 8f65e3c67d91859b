import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_BYTES_MAX, parseConfig } from '../../src/manager/settings/config-file.ts';
import {
  type ChosenSetting,
  chooseSetting,
  parseWorkersVariable,
  type SettingLayers,
  WorkerSettings,
} from '../../src/manager/settings/worker-settings.ts';

const NOTHING: SettingLayers = { flag: undefined, file: undefined, environment: undefined };

const layers: readonly { given: Partial<SettingLayers>; chosen: ChosenSetting }[] = [
  { given: {}, chosen: { setting: 'auto', source: 'default' } },
  { given: { environment: 3 }, chosen: { setting: 3, source: 'environment' } },
  { given: { environment: 3, file: 4 }, chosen: { setting: 4, source: 'config-file' } },
  { given: { environment: 3, file: 4, flag: 5 }, chosen: { setting: 5, source: 'flag' } },
  { given: { environment: 3, flag: 'auto' }, chosen: { setting: 'auto', source: 'flag' } },
];
for (const { given, chosen } of layers) {
  test(`worker setting: ${JSON.stringify(given)} → ${chosen.setting} from ${chosen.source}`, () => {
    assert.deepEqual(chooseSetting({ ...NOTHING, ...given }), chosen);
  });
}

const files: readonly { text: string; workers?: number | 'auto' | undefined; problem?: RegExp }[] = [
  { text: '', workers: undefined },
  { text: '# nothing set\n', workers: undefined },
  { text: 'workers: 4\n', workers: 4 },
  { text: 'workers: "4"\n', workers: 4 },
  { text: 'workers: auto\n', workers: 'auto' },
  ...['0', '-1', '2.5', '65', 'many', 'true', '', '[1]', '{a: 1}'].map((value) => ({
    text: `workers: ${value}\n`,
    problem: /^workers in f\.yaml: ".+" is not a number of worker threads: use a whole number from 1 to 64, or auto$/,
  })),
  { text: 'threads: 4\n', problem: /^f\.yaml: unknown "threads"; it may hold: workers$/ },
  { text: '- 4\n', problem: /^f\.yaml: not a map of settings, such as "workers: 4"$/ },
  { text: 'workers: 1\nworkers: 2\n', problem: /^f\.yaml: "workers" is there more than once$/ },
  { text: 'workers: *nowhere\n', problem: /^f\.yaml: / },
  { text: '\tworkers: [\n', problem: /^f\.yaml: / },
  { text: `# ${'a'.repeat(CONFIG_BYTES_MAX)}`, problem: /^f\.yaml: longer than 65536 bytes$/ },
];
for (const { text, workers, problem } of files) {
  test(`config file: ${JSON.stringify(text.slice(0, 40))} → ${problem === undefined ? (workers ?? 'not set') : 'refused'}`, () => {
    const parsed = parseConfig(text, 'f.yaml');
    if (problem === undefined) assert.deepEqual(parsed, { ok: true, value: { workers } });
    else assert.match(parsed.ok ? 'not refused' : parsed.message, problem);
  });
}

const variables: readonly { value: string | undefined; workers?: number | 'auto' | undefined }[] = [
  { value: undefined, workers: undefined },
  { value: '', workers: undefined },
  { value: '7', workers: 7 },
  { value: 'auto', workers: 'auto' },
];
for (const { value, workers } of variables) {
  test(`DAEMONPODUPDATER_WORKERS: ${JSON.stringify(value)} → ${workers ?? 'not set'}`, () => {
    assert.deepEqual(parseWorkersVariable(value), { ok: true, value: workers });
  });
}

test('DAEMONPODUPDATER_WORKERS: 100 → refused, with the name, the value and the range', () => {
  assert.deepEqual(parseWorkersVariable('100'), {
    ok: false,
    message:
      'DAEMONPODUPDATER_WORKERS: "100" is not a number of worker threads: use a whole number from 1 to 64, or auto',
  });
});

test('settings over time: file says something else → it holds; the same again → nothing changes', () => {
  const settings = new WorkerSettings({ ...NOTHING, file: 2 });
  const chosen: ChosenSetting = { setting: 4, source: 'config-file' };
  assert.deepEqual(settings.fileRead({ workers: 4 }), { kind: 'changed', chosen });
  assert.deepEqual(settings.fileRead({ workers: 4 }), { kind: 'unchanged' });
});

test('settings over time: file no longer says → the environment does', () => {
  const settings = new WorkerSettings({ ...NOTHING, file: 2, environment: 3 });
  assert.deepEqual(settings.fileRead({ workers: undefined }), {
    kind: 'changed',
    chosen: { setting: 3, source: 'environment' },
  });
});

test('settings over time: a flag was given → the file is overruled, and that is told', () => {
  const settings = new WorkerSettings({ ...NOTHING, flag: 5 });
  assert.deepEqual(settings.fileRead({ workers: 4 }), {
    kind: 'overruled',
    chosen: { setting: 5, source: 'flag' },
  });
  assert.equal(settings.current.setting, 5);
});

test('settings over time: admin sets, then the file is read → the file holds again', () => {
  const settings = new WorkerSettings({ ...NOTHING, file: 2 });
  const chosen: ChosenSetting = { setting: 8, source: 'admin' };
  assert.deepEqual(settings.adminSet(8), { kind: 'changed', chosen });
  assert.deepEqual(settings.current, chosen);
  assert.deepEqual(settings.fileRead({ workers: 2 }), {
    kind: 'changed',
    chosen: { setting: 2, source: 'config-file' },
  });
});

test('settings over time: admin sets the number there is → nothing to do, but it is the admin’s now', () => {
  const settings = new WorkerSettings({ ...NOTHING, file: 2 });
  assert.equal(settings.adminSet(2).kind, 'unchanged');
  assert.equal(settings.current.source, 'admin');
});
