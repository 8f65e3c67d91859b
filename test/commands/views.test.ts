import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { sharesOf } from '../../src/commands/simulation/snapshots.ts';
import { renderLive } from '../../src/commands/view/live-view.ts';
import { renderPlain } from '../../src/commands/view/plain-view.ts';
import { RateMeter } from '../../src/commands/view/rate-meter.ts';
import { type Findings, problemsOf, renderReport, reportOf } from '../../src/commands/view/report.ts';
import type { ViewSnapshot } from '../../src/commands/view/snapshot.ts';
import { renderSvg } from '../../src/commands/view/svg.ts';
import { LiveTerminal, shouldColor, terminalWidth } from '../../src/commands/view/terminal.ts';
import { formatElapsed, formatRate } from '../../src/commands/view/text.ts';

const SNAPSHOT: ViewSnapshot = {
  strategy: 'AdvancedRollingUpdate',
  version: 'v2',
  daemonSets: ['edge/node-agent'],
  nodeCount: 1000,
  phase: 'rolling',
  elapsedMs: 12_400,
  eligible: 1000,
  updated: 512,
  inFlight: 98,
  waiting: 360,
  failed: 0,
  skipped: [{ reason: 'NotReady', count: 30 }],
  rate: { now: 48.2, average: 45.1 },
  budget: { used: 75, allowed: 100, peak: 100 },
  lanes: [
    { lane: 0, tasks: 1234, queued: 12, busyRatio: 0.5 },
    { lane: 1, tasks: 987, queued: 3, busyRatio: 0.25 },
  ],
};

const FINDINGS: Findings = {
  seed: 7,
  nodes: 1000,
  eligible: 1000,
  updated: 970,
  skippedNotReady: 30,
  failed: 0,
  maxUnavailable: { allowed: 100, peak: 100 },
  unavailablePodSeconds: 1234.56,
  writes: { deletes: 970, patches: 0 },
  duplicateWrites: 0,
  orderViolations: 0,
  wallSeconds: 24.12345,
  lanes: [
    { lane: 0, tasks: 500 },
    { lane: 1, tasks: 470 },
  ],
};

test('live view: 100 columns → this frame', () => {
  assert.deepEqual(renderLive(SNAPSHOT, { width: 100, isColor: false }), [
    ' Rolling out version v2 of DaemonSet edge/node-agent to 1,000 simulated nodes, at most 100',
    ' unavailable at once',
    '',
    ` ${'█'.repeat(30)}▊${'░'.repeat(29)}   51%   512 of 1,000 nodes updated`,
    '',
    ' nodes        updated 512       in flight 98        waiting 360       failed 0',
    ' skipped      30 NotReady',
    ` unavailable  ${'█'.repeat(18)}${'░'.repeat(6)}  75 of 100 allowed, at worst 100`,
    ' nodes a sec. 48/s now, 45/s on average',
    '',
    ` lane 0       1,234 tasks  12 queued  ${'█'.repeat(6)}${'░'.repeat(6)} 50% busy`,
    ` lane 1         987 tasks   3 queued  ${'█'.repeat(3)}${'░'.repeat(9)} 25% busy`,
    '',
    ' 0:12 elapsed   about 0:09 left',
  ]);
});

test('live view: 60 columns → this frame', () => {
  assert.deepEqual(renderLive({ ...SNAPSHOT, skipped: [] }, { width: 60, isColor: false }), [
    ' Rolling out version v2 of DaemonSet edge/node-agent to',
    ' 1,000 simulated nodes, at most 100 unavailable at once',
    '',
    ` ${'█'.repeat(11)}▊${'░'.repeat(11)}   51%   512 of 1,000 nodes updated`,
    '',
    ' nodes        updated 512       in flight 98',
    '              waiting 360       failed 0',
    ' skipped      none',
    ` unavailable  ${'█'.repeat(9)}${'░'.repeat(3)}  75 of 100 allowed, at worst 100`,
    ' nodes a sec. 48/s now, 45/s on average',
    '',
    ` lane 0       1,234 tasks  12 queued  ${'█'.repeat(6)}${'░'.repeat(6)} 50% busy`,
    ` lane 1         987 tasks   3 queued  ${'█'.repeat(3)}${'░'.repeat(9)} 25% busy`,
    '',
    ' 0:12 elapsed   about 0:09 left',
  ]);
});

const large: ViewSnapshot = {
  ...SNAPSHOT,
  daemonSets: ['a/b', 'c/d', 'e/f'],
  nodeCount: 100_000,
  elapsedMs: 3_723_000,
  eligible: 300_000,
  updated: 123_456,
  inFlight: 10_000,
  waiting: 150_000,
  failed: 12_345,
  skipped: [
    { reason: 'a reason that goes on for longer than the terminal is wide, as reasons sometimes do', count: 99_999 },
  ],
  budget: { used: 30_001, allowed: 30_000, peak: 30_001 },
  lanes: Array.from({ length: 64 }, (_, lane) => ({ lane, tasks: 1_234_567, queued: 10_000, busyRatio: 1 })),
};

test('live view: any width from 60, large numbers, 64 lanes → no line is wider, colours change no character', () => {
  for (const snapshot of [SNAPSHOT, large, { ...SNAPSHOT, strategy: 'OTA', budget: undefined } as const]) {
    for (let width = 60; width <= 120; width++) {
      const plain = renderLive(snapshot, { width, isColor: false });
      for (const line of plain) assert.ok([...line].length < width, `${width}: ${line}`);
      const colored = renderLive(snapshot, { width, isColor: true }).map(stripVTControlCharacters);
      assert.deepEqual(
        colored.map((line) => line.trimEnd()),
        plain,
      );
    }
  }
  const lines = renderLive(large, { width: 100, isColor: false });
  assert.ok(lines.length < 40);
  assert.ok(lines.some((line) => line.includes('others') && line.includes('49 more lanes')));
  assert.ok(lines[0]?.includes('3 DaemonSets'));
});

test('live view: more unavailable than allowed → in red', () => {
  const line = renderLive(large, { width: 100, isColor: true }).find((text) => text.includes('unavailable  '));
  assert.ok(line?.includes('\x1b[31mat worst 30,001\x1b[0m'));
});

test('live view: OTA → says what is marked, and has no budget', () => {
  const lines = renderLive({ ...SNAPSHOT, strategy: 'OTA', budget: undefined }, { width: 120, isColor: false });
  assert.equal(
    lines[0],
    ' Marking the pods of DaemonSet edge/node-agent on 1,000 simulated nodes for version v2 (OTA: nothing is deleted)',
  );
  assert.ok(lines.some((line) => line.includes('512 of 1,000 nodes marked')));
  assert.ok(!lines.some((line) => line.includes('unavailable')));
});

const phases: readonly { snapshot: Partial<ViewSnapshot>; last: string }[] = [
  { snapshot: { phase: 'starting', elapsedMs: 0 }, last: ' 0:00 elapsed   starting the simulated cluster' },
  { snapshot: { phase: 'completed' }, last: ' 0:12 elapsed   done' },
  { snapshot: { phase: 'stopped' }, last: ' 0:12 elapsed   stopped before the end' },
  { snapshot: { rate: { now: 0, average: 0 } }, last: ' 0:12 elapsed' },
];
for (const { snapshot, last } of phases) {
  test(`live view: ${JSON.stringify(snapshot)} → "${last.trim()}"`, () => {
    assert.equal(renderLive({ ...SNAPSHOT, ...snapshot }, { width: 80, isColor: false }).at(-1), last);
  });
}

const shares: readonly {
  name: string;
  observed: Parameters<typeof sharesOf>[0];
  believed: Parameters<typeof sharesOf>[1];
  expected: ReturnType<typeof sharesOf>;
}[] = [
  {
    name: 'both agree',
    observed: { eligible: 1000, updated: 500, notReady: 20 },
    believed: { failed: 10, failedAway: 4, inFlight: 90 },
    expected: { notReady: 16, failed: 10, inFlight: 80, waiting: 394 },
  },
  {
    name: 'the updater has not seen the last replacements yet',
    observed: { eligible: 1000, updated: 995, notReady: 0 },
    believed: { failed: 0, failedAway: 0, inFlight: 40 },
    expected: { notReady: 0, failed: 0, inFlight: 5, waiting: 0 },
  },
  {
    name: 'all is done, and the updater believes otherwise',
    observed: { eligible: 10, updated: 9, notReady: 1 },
    believed: { failed: 1, failedAway: 0, inFlight: 3 },
    expected: { notReady: 1, failed: 0, inFlight: 0, waiting: 0 },
  },
  {
    name: 'a node that failed is back, which the updater has not heard',
    observed: { eligible: 10, updated: 2, notReady: 0 },
    believed: { failed: 2, failedAway: 2, inFlight: 2 },
    expected: { notReady: 0, failed: 2, inFlight: 0, waiting: 6 },
  },
];
for (const { name, observed, believed, expected } of shares) {
  test(`shares: ${name} → every node in one place`, () => {
    const { notReady, failed, inFlight, waiting } = sharesOf(observed, believed);
    assert.deepEqual({ notReady, failed, inFlight, waiting }, expected);
    assert.equal(observed.updated + notReady + failed + inFlight + waiting, observed.eligible);
  });
}

test('plain view: → one line with everything', () => {
  assert.equal(
    renderPlain(SNAPSHOT),
    '0:12  512 of 1,000 updated (51%), 98 in flight, 360 waiting, skipped: 30 NotReady, 0 failed, 75 of 100 unavailable (at worst 100), 48/s',
  );
});

test('report: json → exactly the documented keys, in their order', () => {
  assert.equal(
    JSON.stringify(reportOf(FINDINGS)),
    '{"seed":7,"nodes":1000,"eligible":1000,"updated":970,"skippedNotReady":30,"failed":0,"maxUnavailable":{"allowed":100,"peak":100},"unavailablePodSeconds":1234.6,"writes":{"deletes":970,"patches":0},"duplicateWrites":0,"orderViolations":0,"wallSeconds":24.123,"lanes":[{"lane":0,"tasks":500},{"lane":1,"tasks":470}],"ok":true}',
  );
});

const verdicts: readonly { name: string; findings: Partial<Findings>; problems: readonly string[] }[] = [
  { name: 'all well', findings: {}, problems: [] },
  { name: 'one node missing', findings: { updated: 969 }, problems: ['1 node is not updated'] },
  {
    name: 'failed nodes',
    findings: { updated: 960, failed: 10 },
    problems: ['10 nodes are not updated: on 10 nodes the new pod does not become available'],
  },
  {
    name: 'over the budget',
    findings: { maxUnavailable: { allowed: 100, peak: 101 } },
    problems: ['101 were unavailable at once, 100 were allowed'],
  },
  { name: 'written twice', findings: { duplicateWrites: 2 }, problems: ['2 writes were sent twice'] },
  { name: 'out of order', findings: { orderViolations: 3 }, problems: ['3 writes came out of order'] },
];
for (const { name, findings, problems } of verdicts) {
  test(`report: ${name} → ${problems.length === 0 ? 'ok' : 'not ok, and why'}`, () => {
    assert.deepEqual(problemsOf({ ...FINDINGS, ...findings }), problems);
    assert.equal(reportOf({ ...FINDINGS, ...findings }).ok, problems.length === 0);
  });
}

test('report: text → this page', () => {
  assert.deepEqual(renderReport(reportOf(FINDINGS), { width: 80, isColor: false }), [
    'updated      970 of 1,000 nodes that should run the pod',
    'skipped      30: NotReady until the end',
    'failed       none',
    'unavailable  100 at worst, 100 allowed',
    '             1,235 pod-seconds in all',
    'writes       970 deletions, 0 patches',
    '             0 sent twice, 0 out of order',
    'time         24.1 s, 40/s on average',
    'lanes        0: 500 tasks, 1: 470 tasks',
    'seed         7',
    '',
    'OK: every node that could be updated was, within the budget',
  ]);
});

test('svg: a coloured frame → text at its columns in its colours, escaped', () => {
  const svg = renderSvg([' \x1b[32m██\x1b[0m\x1b[2m░\x1b[0m a<b', '', '\x1b[1mbold\x1b[0m & plain'], {
    columns: 20,
    title: 'a "frame" & more',
  });
  assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="200" height="92"/);
  assert.match(svg, /<title>a "frame" &amp; more<\/title>/);
  assert.match(
    svg,
    /<text x="24\.4" y="30" textLength="16\.8" lengthAdjust="spacingAndGlyphs" fill="#56d364">██<\/text>/,
  );
  assert.match(svg, /<text x="58\.0" y="30" [^>]*>a&lt;b<\/text>/);
  assert.match(svg, /y="70"[^>]* font-weight="bold">bold</);
  assert.ok(!svg.includes('\x1b'));
});

test('terminal: frames → drawn over each other at once, clipped to the screen; the cursor comes back', () => {
  let written: string[] = [];
  const stream = { rows: 4, columns: 80, write: (text: string) => written.push(text) > 0 };
  const terminal = new LiveTerminal(stream as unknown as ConstructorParameters<typeof LiveTerminal>[0]);
  terminal.draw(['a', 'b']);
  terminal.draw(['c', 'd', 'e', 'f', 'g']);
  terminal.draw(['h']);
  assert.deepEqual(
    written.map((text) => text.replaceAll('\x1b', '^')),
    [
      '^[?2026h^[?25la^[K\nb^[K\n^[J^[?2026l',
      '^[?2026h^[2Fc^[K\nd^[K\ne^[K\n^[J^[?2026l',
      '^[?2026h^[3Fh^[K\n^[J^[?2026l',
    ],
  );
  written = [];
  terminal.close();
  terminal.close();
  assert.deepEqual(written, ['\x1b[?25h']);
});

test('terminal: width and colours → from 60 to 120; NO_COLOR, dumb terminals and pipes get none', () => {
  assert.deepEqual(
    [undefined, 20, 100, 500].map((columns) => terminalWidth(columns === undefined ? {} : { columns })),
    [80, 60, 100, 120],
  );
  const rows: readonly [boolean, NodeJS.ProcessEnv, boolean][] = [
    [true, { TERM: 'xterm' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ];
  for (const [isTTY, environment, expected] of rows) assert.equal(shouldColor({ isTTY }, environment), expected);
});

test('rate: a burst, then nothing → now falls to zero, the average stays', () => {
  const meter = new RateMeter(5000);
  assert.deepEqual(meter.sample(0, 0), { now: 0, average: 0 });
  assert.deepEqual(meter.sample(100, 1000), { now: 100, average: 100 });
  for (let atMs = 2000; atMs <= 10_000; atMs += 1000) meter.sample(100, atMs);
  assert.deepEqual(meter.sample(100, 10_000), { now: 0, average: 10 });
});

test('text: rates and times → about two digits, clock form', () => {
  assert.deepEqual([0, 0.123, 4.81, 48.2, 1234.5].map(formatRate), ['0/s', '0.12/s', '4.8/s', '48/s', '1,235/s']);
  assert.deepEqual([0, 7900, 750_000, 3_723_000].map(formatElapsed), ['0:00', '0:07', '12:30', '1:02:03']);
});
