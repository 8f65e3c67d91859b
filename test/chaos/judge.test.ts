import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditedLease, AuditedWrite } from '../control-plane/audit.ts';
import { auditedPeak, trespasses } from './judge.ts';

const RENEW_DEADLINE_MS = 10_000;

function deletion(pod: string, receivedMs: number, overrides: Partial<AuditedWrite> = {}): AuditedWrite {
  return {
    verb: 'delete',
    subresource: '',
    namespace: 'default',
    pod,
    uid: '',
    user: 'updater',
    userAgent: 'updater',
    credentialId: 'a',
    httpStatus: 200,
    receivedMs,
    answeredMs: receivedMs + 1,
    ...overrides,
  };
}

function ready(pod: string, receivedMs: number): AuditedWrite {
  return deletion(pod, receivedMs, { verb: 'patch', subresource: 'status', user: 'test:kwok' });
}

function lease(credentialId: string, receivedMs: number, holder = credentialId): AuditedLease {
  const answeredMs = receivedMs + 1;
  return { namespace: 'n', name: 'l', holder, leaseDurationSeconds: 15, credentialId, receivedMs, answeredMs };
}

test('audited peak: replacements under way → the most at one time, each from its deletion to the new pod', () => {
  const deletions = [deletion('old-1', 10), deletion('old-2', 20), deletion('old-3', 40)];
  const reports = [ready('new-1', 30), ready('new-1', 31), ready('old-3', 35), ready('new-2', 50)];
  const old = new Set(['old-1', 'old-2', 'old-3']);
  assert.equal(auditedPeak(deletions, [...deletions, ...reports], old).peak, 2);
  assert.equal(auditedPeak(deletions, deletions, old).peak, 3);
});

test('audited peak: a new pod has the name of an old one that is gone → it ends its replacement like any other', () => {
  const deletions = [deletion('old-1', 10), deletion('old-2', 40)];
  const gone = deletion('old-1', 20, { user: 'test:kwok' });
  const old = new Set(['old-1', 'old-2']);
  assert.equal(auditedPeak(deletions, [...deletions, gone, ready('old-1', 30)], old).peak, 1);
  assert.equal(auditedPeak(deletions, [...deletions, gone, ready('old-1', 15)], old).peak, 2);
});

const LEASES = [lease('a', 0), lease('a', 2_000), lease('b', 17_000)];
const ROWS: readonly { readonly name: string; readonly write: AuditedWrite; readonly found: readonly string[] }[] = [
  { name: 'the holder within its deadline', write: deletion('p', 12_000), found: [] },
  { name: 'the holder after its deadline', write: deletion('p', 12_500), found: ['expired'] },
  { name: 'the old holder after the lease was taken', write: deletion('p', 17_001), found: ['taken'] },
  { name: 'the new holder', write: deletion('p', 17_001, { credentialId: 'b' }), found: [] },
  { name: 'one who never held it', write: deletion('p', 5_000, { credentialId: 'c' }), found: ['taken'] },
  { name: 'one who was refused', write: deletion('p', 17_001, { httpStatus: 409 }), found: [] },
];

for (const { name, write, found } of ROWS) {
  test(`trespasses: a write of ${name} → ${found.length === 0 ? 'allowed' : found}`, () => {
    assert.deepEqual(
      trespasses([write], LEASES, RENEW_DEADLINE_MS).map(({ why }) => why),
      found,
    );
  });
}

test('trespasses: a write after the lease was given up → taken', () => {
  const leases = [lease('a', 0), lease('a', 1_000, '')];
  assert.equal(trespasses([deletion('p', 1_500)], leases, RENEW_DEADLINE_MS)[0]?.why, 'taken');
});
