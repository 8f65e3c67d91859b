import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { repositoryRoot } from './repository.ts';

// The rules are globs, and a glob that matches nothing says nothing: each is shown one fault that it must find. Biome runs
// once, over a folder with all of them.

const folder = mkdtempSync(join(tmpdir(), 'lint-'));
after(() => rmSync(folder, { recursive: true }));

const plugin = 'plugin';
const imports = 'lint/style/noRestrictedImports';
const globals = 'lint/style/noRestrictedGlobals';
const cycles = 'lint/suspicious/noImportCycles';

/** Each in a file of its own; `rules` are what Biome must say about it, no more and no less. */
const faults: readonly { readonly path: string; readonly text: string; readonly rules: readonly string[] }[] = [
  ...[
    ['src/kube/from-client.ts', "import type { A } from '../client/api.ts';"],
    ['src/kube/from-library.ts', "import { z } from 'zod';"],
    ['src/kube/from-node.ts', "import { readFileSync } from 'node:fs';"],
    ['src/kube/from-clock.ts', "import { monotonicMs } from '../clock.ts';"],
    ['src/kube/again.ts', "export type { A } from '../client/api.ts';"],
    ['src/protocol/from-rollout.ts', "import '../rollout/plan.ts';"],
    ['src/protocol/from-shell.ts', "import type { A } from './lane-control.ts';"],
    ['src/rollout/from-dispatch.ts', "import { a } from '../dispatch/dispatcher.ts';"],
    ['src/dispatch/from-shell.ts', "import { a } from './deadline.ts';"],
    ['src/dispatch/lane-thread.ts', "import { a } from '../client/api.ts';"],
    ['src/client/from-cache.ts', "import { a } from '../cache/store.ts';"],
    ['src/client/requests.ts', "import { a } from './api.ts';"],
    ['src/client/json/from-shell.ts', "import { a } from '../api.ts';"],
    ['src/cache/from-shell.ts', "import { a } from '../client/transport.ts';"],
    ['src/cache/reflector.ts', "import { a } from '../rollout/plan.ts';"],
    ['src/election/from-shell.ts', "import { a } from './elector.ts';"],
    ['src/election/lease-api.ts', "import { a } from '../controller/controller.ts';"],
    ['src/controller/from-client.ts', "import { a } from '../client/api.ts';"],
    ['src/controller/from-shell.ts', "import { a } from '../dispatch/lane-pool.ts';"],
    ['src/events/from-client.ts', "import { a } from '../client/requests.ts';"],
    ['src/events/recorder.ts', "import { a } from '../server/metrics.ts';"],
    ['src/server/from-client.ts', "import { a } from '../client/api.ts';"],
    ['src/server/from-library.ts', "import { z } from 'zod';"],
    ['src/simulator/from-rollout.ts', "import { a } from '../rollout/plan.ts';"],
    ['src/simulator/face.ts', "import { a } from '../rollout/plan.ts';"],
    ['src/commands/from-test.ts', "import { a } from '../../test/commands/help.ts';"],
    ['src/commands/from-library.ts', "import { a } from 'undici';"],
    ['src/commands/view/from-bench.ts', "import { a } from '../../../bench/api.ts';"],
    ['src/manager/from-commands.ts', "import { a } from '../commands/run.ts';"],
    ['src/manager/from-simulator.ts', "import { a } from '../simulator/cluster.ts';"],
    ['src/status/from-client.ts', "import { a } from '../client/api.ts';"],
    ['src/status/from-clock.ts', "import { a } from '../clock.ts';"],
    ['src/rollout/limits/from-slots.ts', "import { a } from '../slot-state.ts';"],
    ['src/protocol/actions/from-tasks.ts', "import { a } from '../task.ts';"],
    ['src/attic/new.ts', "import type { A } from '../kube/records.ts';"],
    ['src/main.ts', "import { a } from './kube/records.ts';"],
    ['workers/from-rollout.ts', "import { a } from '../src/rollout/plan.ts';"],
    ['workers/steps/from-api.ts', "import { a } from '../../src/client/api.ts';"],
  ].map(([path = '', text = '']) => ({ path, text, rules: [imports] })),
  { path: 'src/kube/late.ts', text: "export const a = await import('../client/api.ts');", rules: [imports, plugin] },
  ...['Promise<number>', 'typeof process', 'typeof globalThis', 'AbortController'].map((type, index) => ({
    path: `src/rollout/global-type-${index}.ts`,
    text: `export type A = ${type};`,
    rules: [globals],
  })),
  ...['performance.now()', 'setTimeout(() => {}, 1)', 'setInterval(() => {}, 1)', 'setImmediate(() => {})'].map(
    (call, index) => ({
      path: `src/controller/global-${index}.ts`,
      text: `export const a = ${call};`,
      rules: [globals],
    }),
  ),
  ...['queueMicrotask(() => {})', "console.log('a')", "fetch('a')", 'crypto.randomUUID()', 'clearTimeout(1)'].map(
    (call, index) => ({
      path: `workers/steps/global-${index}.ts`,
      text: `export const a = ${call};`,
      rules: [globals],
    }),
  ),
  ...[
    'export const a = Date.now();',
    'export const a = new Date();',
    'export const a = Date();',
    'export const a = [1].map(Date.now);',
    'export const a = Math.random();',
    'export async function a() {}',
    'export async function* a() {}',
    'export default async function () {}',
    'export const a = async () => 1;',
    'export const a = async function () {};',
    'export const a = { async b() {} };',
    'export class A { async b() {} }',
    'export class A { static async *b() {} }',
    'export class A { override async b() {} }',
  ].map((text, index) => ({ path: `src/client/protobuf/clock-${index}.ts`, text, rules: [plugin] })),
  { path: 'src/kube/calendar.ts', text: "export const a = [new Date(5), Date.parse('1'), Date.UTC(1)];", rules: [] },
  { path: 'src/kube/member.ts', text: 'export const a = (b: { process: 1 }) => b.process;', rules: [] },
  { path: 'src/kube/asynchronous.ts', text: "export const a = 'await Promise'; // async () => Date.now()", rules: [] },
  { path: 'src/client/impure.ts', text: 'export const a = async () => Date.now();', rules: [] },
  { path: 'src/rollout/one.ts', text: "import type { B } from './two.ts';\nexport type A = B;", rules: [cycles] },
  { path: 'src/rollout/two.ts', text: "import type { A } from './one.ts';\nexport type B = A;", rules: [cycles] },
  { path: 'src/kube/index.ts', text: "export { a } from './a.ts';", rules: ['lint/performance/noBarrelFile'] },
  { path: 'src/kube/all.ts', text: "export * from './a.ts';", rules: ['lint/performance/noBarrelFile'] },
  { path: 'src/kube/types.ts', text: "export type { A } from './a.ts';", rules: [] },
  { path: 'src/kube/ending.ts', text: "import './a.js';", rules: ['lint/correctness/useImportExtensions'] },
  { path: 'src/kube/wrongName.ts', text: '', rules: ['lint/style/useFilenamingConvention'] },
  { path: 'test/kube/long.test.ts', text: 'a();\n'.repeat(301), rules: ['lint/style/noExcessiveLinesPerFile'] },
  { path: 'test/kube/full.property.test.ts', text: 'a();\n'.repeat(300), rules: [] },
];

const overrides: readonly { readonly includes: readonly string[]; readonly plugins?: readonly string[] }[] = JSON.parse(
  readFileSync(join(repositoryRoot, 'biome.jsonc'), 'utf8').replaceAll(/^\s*\/\/.*$/gm, ''),
).overrides;

/** Every alternative of `{a,b}` by itself. */
function expand(glob: string): readonly string[] {
  const [, before, inside, behind] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(glob) ?? [];
  return inside?.split(',').map((one) => `${before}${one}${behind}`) ?? [glob];
}

const globs = overrides.flatMap(({ includes }) => includes).flatMap((glob) => expand(glob.replace(/^!/, '')));
const shells = overrides
  .filter(({ plugins }) => plugins?.includes('./pure.grit'))
  .flatMap(({ includes }) => includes.filter((glob) => glob.startsWith('!')).flatMap((glob) => expand(glob.slice(1))));
/** The shell under a name that no rule lets through. */
const disguised = (shell: string) => join(dirname(shell), `a-${shell.slice(shell.lastIndexOf('/') + 1)}`);

/** `path` → the rules that it breaks, as Biome says. */
function lint(): ReadonlyMap<string, ReadonlySet<string>> {
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const { path, text } of faults) write(path, `${text}\n`.replace(/\n\n$/, '\n'));
  for (const shell of shells) write(disguised(shell), readFileSync(join(repositoryRoot, shell), 'utf8'));
  write('src/kube/a.ts', 'export const a = 1;\n');
  for (const file of ['biome.jsonc', 'pure.grit']) cpSync(join(repositoryRoot, file), join(folder, file));
  const biome = join(repositoryRoot, 'node_modules/.bin/biome');
  const { stdout, stderr } = spawnSync(
    biome,
    ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '--reporter=json'],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  assert.ok(stdout.startsWith('{'), stderr);
  const found = new Map<string, Set<string>>();
  for (const { category, location } of JSON.parse(stdout).diagnostics) {
    const path = location.path.replaceAll('\\', '/');
    found.set(path, (found.get(path) ?? new Set()).add(category));
  }
  return found;
}

const found = lint();
const pureRules = new Set([imports, globals, plugin]);

/** Other rules have their say too: that a name is not used, for instance. */
const watched = new Set(faults.flatMap(({ rules }) => rules));

for (const { path, text, rules } of faults) {
  test(`lint: ${path} with ${text.split('\n', 1)} → ${rules.join(', ') || 'nothing'}`, () => {
    assert.deepEqual([...(found.get(path) ?? [])].filter((rule) => watched.has(rule)).toSorted(), rules.toSorted());
  });
}

test('lint: every file that biome.jsonc names → exists', () => {
  const missing = globs.filter((glob) => globSync(glob, { cwd: repositoryRoot }).length === 0);
  assert.deepEqual(missing, []);
});

test('lint: every shell that is left out of the pure code → needs to be', () => {
  assert.ok(shells.length > 5 && shells.every((shell) => existsSync(join(repositoryRoot, shell))));
  const pure = shells.filter(
    (shell) =>
      !found
        .get(disguised(shell))
        ?.values()
        .some((rule) => pureRules.has(rule)),
  );
  assert.deepEqual(pure, [], 'Take these off the lists in biome.jsonc: they have no I/O');
});
