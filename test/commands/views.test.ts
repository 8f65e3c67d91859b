import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { budgetOf, sharesOf } from '../../src/commands/simulation/snapshots.ts';
import { renderLive } from '../../src/commands/view/live-view.ts';
import { renderPlain } from '../../src/commands/view/plain-view.ts';
import { RateMeter } from '../../src/commands/view/rate-meter.ts';
import type { ViewSnapshot } from '../../src/commands/view/snapshot.ts';
import { renderSvg } from '../../src/commands/view/svg.ts';
import { canRedraw, columnsOf, LiveTerminal, shouldColor, terminalWidth } from '../../src/commands/view/terminal.ts';
import { formatElapsed, formatRate, renderLine, span, wrapHanging } from '../../src/commands/view/text.ts';

const SNAPSHOT: ViewSnapshot = {
  strategy: 'AdvancedRollingUpdate',
  version: 'v2',
  daemonSets: ['edge/node-agent'],
  nodeCount: 1000,
  phase: 'rolling',
  elapsedMs: 12_400,
  stillMs: 0,
  eligible: 1000,
  updated: 512,
  inFlight: 98,
  waiting: 360,
  failed: 0,
  skipped: [{ reason: 'NotReady', count: 30 }],
  rate: { now: 48.2, average: 45.1 },
  budget: { used: 75, allowed: 100, peak: 100, others: 0 },
  lanes: [
    { lane: 0, tasks: 1234, queued: 12, busyRatio: 0.5 },
    { lane: 1, tasks: 987, queued: 3, busyRatio: 0.25 },
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
    ` thread 0     1,234 tasks  12 queued  ${'█'.repeat(6)}${'░'.repeat(6)} 50% busy`,
    ` thread 1       987 tasks   3 queued  ${'█'.repeat(3)}${'░'.repeat(9)} 25% busy`,
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
    ` thread 0     1,234 tasks  12 queued  ${'█'.repeat(6)}${'░'.repeat(6)} 50% busy`,
    ` thread 1       987 tasks   3 queued  ${'█'.repeat(3)}${'░'.repeat(9)} 25% busy`,
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
  budget: { used: 30_001, allowed: 30_000, peak: 30_001, others: 12 },
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
  assert.ok(lines.some((line) => line.includes('others') && line.includes('49 more threads')));
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
  { snapshot: { phase: 'completed' }, last: ' 0:12 elapsed   done' },
  { snapshot: { phase: 'stalled' }, last: ' 0:12 elapsed   nothing moved any more' },
  { snapshot: { phase: 'timeout' }, last: ' 0:12 elapsed   the time of --timeout was up' },
  { snapshot: { phase: 'interrupted' }, last: ' 0:12 elapsed   interrupted' },
  { snapshot: { rate: { now: 0, average: 0 } }, last: ' 0:12 elapsed' },
  { snapshot: { rate: { now: 0, average: 45.8 } }, last: ' 0:12 elapsed   about 0:10 left' },
  { snapshot: { stillMs: 7_000 }, last: ' 0:12 elapsed   nothing has moved for 0:07' },
  { snapshot: { waiting: 0, inFlight: 0, stillMs: 7_000 }, last: ' 0:12 elapsed   waits for nodes to come back' },
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
    believed: { failed: 10, inFlight: 80 },
    expected: { notReady: 20, failed: 10, inFlight: 80, waiting: 390 },
  },
  {
    name: 'the updater has not seen the last replacements yet',
    observed: { eligible: 1000, updated: 995, notReady: 0 },
    believed: { failed: 0, inFlight: 40 },
    expected: { notReady: 0, failed: 0, inFlight: 5, waiting: 0 },
  },
  {
    name: 'a node came back that the updater believes to be away',
    observed: { eligible: 10, updated: 9, notReady: 1 },
    believed: { failed: -1, inFlight: 3 },
    expected: { notReady: 1, failed: 0, inFlight: 0, waiting: 0 },
  },
];
for (const { name, observed, believed, expected } of shares) {
  test(`shares: ${name} → every node in one place`, () => {
    const { notReady, failed, inFlight, waiting } = sharesOf(observed, believed);
    assert.deepEqual({ notReady, failed, inFlight, waiting }, expected);
    assert.equal(observed.updated + notReady + failed + inFlight + waiting, observed.eligible);
  });
}

test('budget: more unavailable than our deletions ever made → others; too many by our doing are not', () => {
  const within = { unavailable: 8, allowed: 10, peak: 10 };
  const cameBack = { unavailable: 12, allowed: 10, peak: 9 };
  const overdone = { unavailable: 12, allowed: 10, peak: 12 };
  assert.deepEqual(budgetOf([within, cameBack]), { used: 18, allowed: 20, peak: 19, others: 2 });
  assert.deepEqual(budgetOf([overdone]), { used: 12, allowed: 10, peak: 12, others: 0 });
});

test('plain view: → one line with everything', () => {
  assert.equal(
    renderPlain(SNAPSHOT),
    '0:12  512 of 1,000 updated (51%), 98 in flight, 360 waiting, skipped: 30 NotReady, 0 failed, 75 of 100 unavailable (at worst 100), 48/s, about 0:09 left',
  );
});

test('views: nodes came back without their pods → told apart from those that were taken down', () => {
  const budget = { used: 100, allowed: 100, peak: 100, others: 2 };
  const lines = renderLive({ ...SNAPSHOT, budget }, { width: 80, isColor: false });
  const index = lines.findIndex((line) => line.includes('100 of 100 allowed, at worst 100'));
  assert.equal(lines[index + 1]?.trim(), '2 more on nodes that came back');
  assert.match(
    renderPlain({ ...SNAPSHOT, budget }),
    /100 of 100 unavailable \(at worst 100\), 2 more on nodes that came back/,
  );
});

test('views: several DaemonSets → pods are counted; at the end there is no present rate', () => {
  const snapshot = { ...SNAPSHOT, daemonSets: ['a/b', 'c/d'], phase: 'completed' } as const;
  const lines = renderLive(snapshot, { width: 120, isColor: false });
  assert.match(lines[0] ?? '', /of 2 DaemonSets to 1,000 simulated nodes, at most 100 pods unavailable at once$/);
  assert.match(lines[2] ?? '', /512 of 1,000 pods updated$/);
  assert.match(lines[4] ?? '', /^ pods {9}updated 512/);
  assert.ok(lines.includes(' pods a sec.  45/s on average'));
  assert.match(renderPlain(snapshot), /\(at worst 100\), done$/);
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

test('terminal: frames → drawn over each other at once, cut to the screen both ways; the cursor comes back', () => {
  let written: string[] = [];
  const stream = { rows: 4, columns: 80, write: (text: string) => written.push(text) > 0 };
  const terminal = new LiveTerminal(stream as unknown as ConstructorParameters<typeof LiveTerminal>[0]);
  terminal.draw(['a', 'b']);
  terminal.draw(['c', 'd', 'e', 'f', 'g']);
  terminal.draw(['h']);
  assert.deepEqual(
    written.map((text) => text.replaceAll('\x1b', '^')),
    [
      '^[?2026h^[?7l^[?25la^[K\nb^[K\n^[J^[?7h^[?2026l',
      '^[?2026h^[?7l^[2Fc^[K\nd^[K\ne^[K\n^[J^[?7h^[?2026l',
      '^[?2026h^[?7l^[3Fh^[K\n^[J^[?7h^[?2026l',
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
  assert.deepEqual(
    [{ TERM: 'xterm' }, { NO_COLOR: '1' }, { TERM: 'dumb' }].map((environment) =>
      canRedraw({ isTTY: true }, environment),
    ),
    [true, true, false],
  );
  assert.equal(canRedraw({ isTTY: false }, { TERM: 'xterm' }), false);
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

test('line: characters of two columns → cut before the one that has no room', () => {
  const cut = (width: number) => renderLine([span('n1 '), span('节点节点')], { width, isColor: false });
  assert.deepEqual([11, 10, 9, 5, 3, 2].map(cut), ['n1 节点节点', 'n1 节点节…', 'n1 节点…', 'n1 …', 'n1', 'n…']);
});

test('wrap: a warning on terminals of any width → no line is wider, later lines are set back, no word is lost', () => {
  const text = `warning: edge/agent: the API server refuses to delete the pod on 12 nodes (n01 …), rejected: ${'no '.repeat(40)}`;
  for (let width = 20; width < 130; width += 1) {
    const [first = '', ...others] = wrapHanging(text.trim(), width);
    for (const line of [first, ...others]) assert.ok([...line].length <= width, `${width}: ${line}`);
    assert.match(first, /^warning:/);
    for (const line of others) assert.match(line, /^ {2}\S/);
    assert.equal([first, ...others.map((line) => line.trim())].join(' '), text.trim());
  }
  const columns = columnsOf({});
  assert.deepEqual(wrapHanging(text, columns), [text], 'piped, all in one line');
  assert.deepEqual([columnsOf({ columns: 0 }), columnsOf({ columns: 72 })], [columns, 72]);
});
