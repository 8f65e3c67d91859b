import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommandHandlers } from '../../src/commands/options.ts';
import { EXIT_OK, EXIT_USAGE, runProgram } from '../../src/commands/program.ts';
import { CONFIG_BYTES_MAX, parseConfig } from '../../src/manager/settings/config-file.ts';
import { parseWorkersVariable } from '../../src/manager/settings/worker-settings.ts';
import { parseBindAddress } from '../../src/server/bind-address.ts';
import { runs } from '../runs.ts';

/** Of this thread, so far. On a busy machine the clock on the wall says nothing about the work. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The program with commands that do nothing. */
async function parse(
  args: readonly string[],
): Promise<{ readonly code: number; readonly started: number; readonly said: string }> {
  let started = 0;
  let said = '';
  const handler = async (): Promise<number> => {
    started += 1;
    return EXIT_OK;
  };
  const handlers: CommandHandlers = {
    run: handler,
    simulate: handler,
    plan: handler,
    status: handler,
    workers: handler,
  };
  const write = (text: string): void => {
    said += text;
  };
  const code = await runProgram(args, { version: '1.2.3', handlers, writeOut: write, writeErr: write });
  return { code, started, said };
}

const FLAGS = [
  '--workers',
  '--daemonpodupdater-workers',
  '--namespace',
  '-n',
  '--kube-api-qps',
  '--kube-api-burst',
  '--kubeconfig',
  '--context',
  '--metrics-bind-address',
  '--health-probe-bind-address',
  '--leader-elect',
  '--log-level',
  '--log-format',
  '--dry-run',
  '--config',
  '--nodes',
  '--max-unavailable',
  '--seed',
  '--strategy',
  '--speed',
  '--not-ready',
  '--output',
  '-o',
  '--unknown',
  '--',
  '-',
  '--__proto__',
];
const COMMANDS = ['run', 'simulate', 'plan', 'status', 'workers', 'help', '', '__proto__', 'constructor'];
const VALUES = [
  '',
  '0',
  '-1',
  '1e309',
  '9'.repeat(400),
  'NaN',
  '0x10',
  '٥',
  'auto',
  '100%',
  '101%',
  ':99999',
  '[::1]:1',
  'a/b',
  '\n',
  '\x1b[2J',
  '1m30s',
  '-',
  '--',
];

test('flags: any arguments → started with code 0, or code 2 and words, or help; never an exception', async () => {
  const value = fc.oneof(fc.constantFrom(...VALUES), fc.string({ unit: 'binary', maxLength: 20 }));
  const argument = fc.oneof(
    fc.constantFrom(...FLAGS),
    value,
    fc.tuple(fc.constantFrom(...FLAGS), value).map(([flag, text]) => `${flag}=${text}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...COMMANDS), fc.array(argument, { maxLength: 6 }), async (command, others) => {
      const { code, started, said } = await parse([command, ...others]);
      assert.ok(code === EXIT_OK || code === EXIT_USAGE, String(code));
      if (code === EXIT_USAGE) assert.ok(started === 0 && said !== '');
      if (started === 0) assert.notEqual(said, '');
      assert.ok(started <= 1);
    }),
    { numRuns: runs(200) },
  );
});

test('flags: a value of a megabyte → refused or taken in no time', async () => {
  const beforeMs = cpuMs();
  for (const value of ['9', 'a', '1m', '%', '.', '1.', '-']) {
    for (const flag of ['--workers', '--kube-api-qps', '--namespace', '--metrics-bind-address', '--log-level']) {
      await parse(['run', `${flag}=${value.repeat(500_000)}`]);
    }
  }
  const tookMs = cpuMs() - beforeMs;
  assert.ok(tookMs < 3000, `${tookMs} ms`);
});

test('addresses and worker numbers: any text → read within bounds, or refused with a short message', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(...VALUES),
    fc.string({ maxLength: 5 }).map((port) => `a:${port}`),
  );
  fc.assert(
    fc.property(text, (value) => {
      const address = parseBindAddress(value);
      if (address.code === 'invalid') assert.ok(address.message.length < 300);
      else if (address.address !== undefined) assert.ok(address.address.port >= 0 && address.address.port <= 65_535);
      const workers = parseWorkersVariable(value);
      if (!workers.ok) assert.ok(workers.message.length < 300);
      else if (typeof workers.value === 'number') assert.ok(workers.value >= 1 && workers.value <= 64);
    }),
    { numRuns: runs(200) },
  );
});

const PIECES = [
  'workers',
  ':',
  ' ',
  '\n',
  '- ',
  '? ',
  '[',
  ']',
  '{',
  '}',
  '&a ',
  '*a',
  '!!js/function ',
  '!!binary ',
  '|',
  '>',
  '"',
  "'",
  '#',
  '---',
  '<<',
  '%YAML 9',
  '\t',
  '\0',
  '\x1b',
  '1',
  'auto',
  '~',
  '.inf',
  '0x40',
];

test('config file: any text, and any text made of YAML’s pieces → settings within bounds, or a message with the file’s name', () => {
  const yaml = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.oneof(yaml, fc.string({ unit: 'binary' })), (text) => {
      const result = parseConfig(text, 'settings.yaml');
      if (!result.ok) {
        assert.match(result.message, /settings\.yaml/);
        assert.doesNotMatch(result.message, /\p{Cc}/u);
        assert.ok(result.message.length < 1000, result.message);
        return;
      }
      const { workers } = result.value;
      if (typeof workers === 'number') assert.ok(Number.isInteger(workers) && workers >= 1 && workers <= 64);
    }),
    { numRuns: runs(500) },
  );
});

/** Nine times nine times nine … of the same list. */
const LAUGHS = ['a: &a [x, x, x, x, x, x, x, x, x]']
  .concat(
    [...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(', ')}]`),
  )
  .join('\n');

for (const [name, text] of [
  ['a billion laughs', `${LAUGHS}\nworkers: *i`],
  ['an alias of itself', 'workers: &a [*a]'],
  ['an alias to nowhere', 'workers: *nobody'],
  ['30,000 open lists', `workers: ${'['.repeat(30_000)}`],
  ['30,000 lists', `workers: ${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  ['30,000 levels of "- "', '- '.repeat(30_000)],
  ['30,000 levels of "? "', '? '.repeat(30_000)],
  ['a tag that would be code elsewhere', 'workers: !!js/function "process.exit()"'],
  ['prototype keys', '__proto__: {workers: 3}\nconstructor: 1'],
  ['a merge key', '<<: {workers: 3}'],
  ['12,000 unknown keys', Array.from({ length: 12_000 }, (_, index) => `${index.toString(36)}:`).join('\n')],
  ['a number of 60,000 letters', `workers: ${'x'.repeat(60_000)}`],
  ['a number in escape sequences', 'workers: "\\e[2J\\n"'],
  ['two documents', 'workers: 1\n---\nworkers: 2'],
  ['the same key twice', 'workers: 1\nworkers: 2'],
  ['more than 64 KiB', `workers: 1\n#${'a'.repeat(CONFIG_BYTES_MAX)}`],
] as const) {
  test(`config file: ${name} → refused, in no time`, () => {
    const beforeMs = cpuMs();
    const result = parseConfig(text, 'settings.yaml');
    const tookMs = cpuMs() - beforeMs;
    assert.ok(tookMs < 1000, `${tookMs} ms`);
    assert.equal(result.ok, false);
    const message = result.ok ? '' : result.message;
    assert.match(message, /settings\.yaml/);
    assert.doesNotMatch(message, /\p{Cc}/u);
    assert.ok(message.length < 600, String(message.length));
  });
}
