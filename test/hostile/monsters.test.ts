import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { MonsterReport, Verdict } from './monsters.ts';

const SCRIPT = join(import.meta.dirname, 'monsters.ts');
/** With Node (80 MB) and the monsters themselves. deploy/ gives the program 512 MiB. */
const PEAK_MB_MAX = 300;
/** Of all monsters of a group, and of making them. */
const CPU_MS_MAX = 10_000;

type Expected = 'read' | { readonly skipped: RegExp; readonly count: number } | { readonly garbled: RegExp };

interface Group {
  readonly name: string;
  readonly heapMb: number;
  readonly monsters: Readonly<Record<string, Expected>>;
}

const MANY = { skipped: /^(?:node |pod ns\/)monster: it has more than 30000 values$/, count: 1 };

const GROUPS: readonly Group[] = [
  {
    name: 'nodes and pods',
    heapMb: 64,
    monsters: {
      'a node like any other': 'read',
      'ten million labels': { ...MANY, count: 30 },
      'ten million labels in a list': { ...MANY, count: 30 },
      'many taints': MANY,
      'long labels': { skipped: /^node monster: it has more than 1048576 bytes of text$/, count: 1 },
      'many annotations': MANY,
      'many conditions': MANY,
      'many containers': MANY,
      'many owners': MANY,
      'a list of 2^53 bytes': { garbled: /the list ends before it is complete/ },
      'a node of 2^53 bytes': { garbled: /an object has 4503599627370496 bytes/ },
      'labels of 2^63 bytes': { garbled: /a value is longer than the message that holds it|a length is negative/ },
      'a frame of 12 MB': { skipped: /^object ns\/monster has 120000\d\d bytes/, count: 1 },
    },
  },
  {
    name: 'lines and lists of DaemonSets',
    heapMb: 160,
    monsters: {
      'a DaemonSet whose annotation is JSON': 'read',
      'a line of 100 MB': { garbled: /event "+ has more than 10485760 bytes/ },
      'a million annotations in lines': {
        skipped: /^the object of event \{"type":"ADDED".*"name":"monster".*: it has more than 100000 values$/,
        count: 3,
      },
      'half a million annotations in a list': {
        skipped: /^object ns\/monster: it has more than 100000 values$/,
        count: 2,
      },
      'long annotations in a list': {
        skipped: /^object ns\/monster: it has more than 4194304 characters of text$/,
        count: 1,
      },
      'two million annotations in a list': { garbled: /a list has more than 1500000 values/ },
      'ten million empty objects': { garbled: /a list has more than 1500000 values/ },
      'a million numbers': { garbled: /a list holds more than 1000000 items/ },
      'a list of 40 MB': { garbled: /a list has more than 33554432 bytes/ },
    },
  },
];

function check(name: string, verdict: Verdict | undefined, expected: Expected): void {
  assert.ok(verdict !== undefined, name);
  if (expected === 'read') {
    assert.equal(verdict.objects, 1, name);
    assert.deepEqual(verdict.skipped, [], name);
  } else if ('garbled' in expected) assert.match(verdict.garbled ?? '', expected.garbled, name);
  else {
    assert.equal(verdict.garbled, undefined, name);
    const reasons = verdict.skipped.filter((reason) => expected.skipped.test(reason));
    assert.equal(reasons.length, expected.count, `${name}: ${JSON.stringify(verdict).slice(0, 500)}`);
  }
}

for (const { name, heapMb, monsters } of GROUPS) {
  test(`decoders: monstrous ${name} → left out or refused with the reason, in a heap of ${heapMb} MB`, async () => {
    const args = [`--max-old-space-size=${heapMb}`, '--max-semi-space-size=4', SCRIPT, ...Object.keys(monsters)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
    const report = JSON.parse(stdout) as MonsterReport;
    for (const [monster, expected] of Object.entries(monsters)) check(monster, report.verdicts[monster], expected);
    assert.ok(report.peakMb < PEAK_MB_MAX, `${report.peakMb} MB at its peak`);
    assert.ok(report.cpuMs < CPU_MS_MAX, `${report.cpuMs} ms of CPU`);
  });
}
