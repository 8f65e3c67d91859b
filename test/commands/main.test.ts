import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const main = join(import.meta.dirname, '../../src/main.ts');
test('main: bad arguments in a process of its own → exit code 2, message on standard error, nothing on standard output', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'run', '--workers', '0'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /'--workers, .*' argument '0' is invalid\. Use a whole number from 1 to 64, or auto\./);
});

test('main: --version in a process of its own → the version of package.json', () => {
  const { status, stdout } = spawnSync(process.execPath, [main, '--version'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('main: the folder of the compile cache cannot be written → all the same', () => {
  const { status, stderr } = spawnSync(process.execPath, [main, '--version'], {
    encoding: 'utf8',
    // A folder cannot be made inside a file.
    env: { ...process.env, NODE_COMPILE_CACHE: join(main, 'cache') },
  });
  assert.deepEqual([status, stderr], [0, '']);
});
