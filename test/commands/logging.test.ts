import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { test } from 'node:test';
import { createLogger, type LoggerOptions } from '../../src/manager/logging.ts';

function logTo(options: Omit<LoggerOptions, 'stream'>): {
  logger: ReturnType<typeof createLogger>;
  text: () => string;
} {
  let text = '';
  const stream = {
    write: (line: string) => {
      text += line;
    },
  };
  return { logger: createLogger({ ...options, stream }), text: () => text };
}

test('logging: json → one object a line, with time, level, message and fields', () => {
  const { logger, text } = logTo({ level: 'info', format: 'json' });
  logger.with({ daemonSet: 'edge/agent' }).log('warn', 'deletion failed', { node: 'n1', durationMs: 12 });
  const { time, ...line } = JSON.parse(text());
  assert.deepEqual(line, {
    level: 'warn',
    message: 'deletion failed',
    daemonSet: 'edge/agent',
    node: 'n1',
    durationMs: 12,
  });
  assert.match(time, /^\d{4}-\d\d-\d\dT/);
  assert.equal(text().split('\n').length, 2);
});

test('logging: below the level → nothing', () => {
  const { logger, text } = logTo({ level: 'warn', format: 'json' });
  logger.log('info', 'started', {});
  assert.equal(text(), '');
});

test('logging: a secret among the fields → not shown, in either form', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { logger, text } = logTo({ level: 'debug', format, hasColor: false });
    logger.log('info', 'connected', { authorization: 'Bearer planted', token: 'planted', keyPem: 'planted' });
    assert.match(text(), /redacted/);
    assert.doesNotMatch(text(), /planted/);
  }
});

test('logging: pretty → a readable line', () => {
  const { logger, text } = logTo({ level: 'info', format: 'pretty', hasColor: false });
  logger.log('info', 'rollout started', { daemonSet: 'edge/agent' });
  assert.match(text(), /^\[\d\d:\d\d:\d\d\.\d+\] INFO: rollout started \{"daemonSet":"edge\/agent"\}\n$/);
});

test('logging: flush → resolves', async () => {
  await logTo({ level: 'info', format: 'json' }).logger.flush();
  await createLogger({ level: 'error', format: 'json' }).flush();
  await createLogger({ level: 'error', format: 'pretty' }).flush();
});

const CHILD = join(import.meta.dirname, 'logging-child.ts');
const LINES = 5000;

function nodesOf(text: string): number[] {
  return [...text.matchAll(/"node":"n(\d+)"/g)].map(([, index]) => Number(index));
}

for (const format of ['json', 'pretty'] as const) {
  test(`trust 13: nobody reads the log (${format}) → the event loop turns nevertheless; read later, every line is there, in order`, {
    timeout: 60_000,
  }, async () => {
    const child = fork(CHILD, [format, String(LINES)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const { stderr } = child;
    assert.ok(stderr !== null);
    const messages: unknown[] = [];
    child.on('message', (message) => messages.push(message));
    await once(child, 'message');
    child.send('turn');
    await once(child, 'message');
    assert.deepEqual(messages, ['logged', 'turns']);
    assert.deepEqual(nodesOf(await textOf(stderr)), [...Array(LINES).keys()]);
  });
}

for (const end of ['exit', 'crash'] as const) {
  test(`logging: the process ends by ${end} → every line before it is written`, { timeout: 60_000 }, async () => {
    const child = fork(CHILD, ['json', String(LINES), end], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    assert.ok(child.stderr !== null);
    assert.deepEqual(nodesOf(await textOf(child.stderr)), [...Array(LINES).keys()]);
  });
}
