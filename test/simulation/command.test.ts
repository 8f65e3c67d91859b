import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

function sim(...args: readonly string[]) {
  const main = join(import.meta.dirname, 'main.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('sim: an option that does not exist → exit code 2, and those that do', () => {
  const { status, stderr } = sim('--sed', '3');
  assert.equal(status, 2);
  assert.match(stderr, /^Unknown option '--sed'.*\noptions: --seeds, --seed, --minutes, .*--report\n$/);
});

test('sim: a value that is none → exit code 2, and what it must be', () => {
  assert.deepEqual(sim('--seeds', 'many'), {
    status: 2,
    stdout: '',
    stderr: '--seeds is "many"; it must be a whole number of at least 1\n',
  });
});

test('sim: one seed → exit code 0, and a summary in the singular', () => {
  const { status, stdout } = sim('--seed', '1', '--minutes', '1', '--nodes', '2');
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^1 seed, 0 failed: \d+ events/m);
});

test('sim: seeds on two threads → the same happenings as on one', () => {
  const [alone, together] = ['1', '2'].map((jobs) => {
    const { status, stdout } = sim('--seeds', '12', '--minutes', '1', '--nodes', '4', '--jobs', jobs);
    assert.equal(status, 0, stdout);
    return stdout.replace(/; [\d.]+ ms a seed .*/, '');
  });
  assert.match(alone ?? '', /^12 seeds, 0 failed/m);
  assert.equal(alone, together);
});
