import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AuditedWrite, appliedDeletions, readAuditLog, summarizeWrites } from './audit.ts';

function line(overrides: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    stage: 'ResponseComplete',
    verb: 'delete',
    user: { username: 'updater' },
    objectRef: { resource: 'pods', namespace: 'default', name: 'agent-bcdfg' },
    requestObject: { kind: 'DeleteOptions', preconditions: { uid: 'uid-1' } },
    responseStatus: { code: 200 },
    requestReceivedTimestamp: '2026-01-01T00:00:00.123456Z',
    stageTimestamp: '2026-01-01T00:00:00.125000Z',
    ...overrides,
  });
}

async function read(...lines: readonly string[]): Promise<AuditedWrite[]> {
  const directory = await mkdtemp(join(tmpdir(), 'audit-'));
  try {
    await writeFile(join(directory, 'audit.log'), lines.join('\n'));
    return await readAuditLog(join(directory, 'audit.log'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('audit log: a deletion → the UID of its precondition; half a line is left out', async () => {
  const [write, ...others] = await read(line({}), line({}).slice(0, 80));
  assert.deepEqual([write?.pod, write?.uid, write?.httpStatus], ['agent-bcdfg', 'uid-1', 200]);
  assert.deepEqual(others, []);
});

test('audit log: refused credentials → one line of an earlier stage, without a user', async () => {
  const started = { stage: 'ResponseStarted', user: {}, requestObject: undefined };
  const writes = await read(line({ ...started, responseStatus: { code: 401 } }), line(started));
  assert.deepEqual(
    writes.map(({ user, uid, httpStatus }) => [user, uid, httpStatus]),
    [['', '', 401]],
  );
});

test('write summary: a name that two pods had one after the other → no duplicate; the same pod twice → one', async () => {
  const second = line({ requestObject: { preconditions: { uid: 'uid-2' } } });
  assert.equal(summarizeWrites(await read(line({}), second)).duplicates.size, 0);
  assert.equal(summarizeWrites(await read(line({}), second, line({}))).duplicates.size, 1);
});

test('applied deletions: accepted, or answered 5xx and not accepted later → one for each pod; refused → none', async () => {
  const answered = (pod: string, code: number, uid = 'uid-1') =>
    line({
      objectRef: { resource: 'pods', name: pod },
      requestObject: { preconditions: { uid } },
      responseStatus: { code },
    });
  const writes = await read(
    answered('a', 200),
    answered('b', 504),
    answered('c', 500),
    answered('c', 200),
    answered('d', 429),
    answered('a', 200, 'uid-2'),
  );
  const applied = appliedDeletions(writes).map(({ pod, uid, httpStatus }) => `${pod} ${uid} ${httpStatus}`);
  assert.deepEqual(applied.sort(), ['a uid-1 200', 'a uid-2 200', 'b uid-1 504', 'c uid-1 200']);
});
