import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../src/client/api.ts';
import type { LeaseRecord } from '../../src/election/lease.ts';
import { leaseObject } from '../../src/election/lease-object.ts';
import { type OtherLeaders, otherLeaders } from '../../src/manager/other-leaders.ts';

const NOW_MS = Date.parse('2026-11-28T12:00:00Z');
const UNTIL_MS = NOW_MS + 10_000;
const HELD: LeaseRecord = {
  holderIdentity: 'laptop_1',
  leaseDurationSeconds: 15,
  acquireTimeMs: NOW_MS - 60_000,
  renewTimeMs: NOW_MS - 5_000,
  leaseTransitions: 1,
};
const LAPSED: LeaseRecord = { ...HELD, renewTimeMs: NOW_MS - 60_000 };

type Leases = Readonly<Record<string, LeaseRecord>>;

interface World {
  /** At the first look, and at the second; by namespace. */
  readonly looks: readonly Leases[];
  /** Namespaces whose leases may be read by name, if not all may be listed. */
  readonly readable?: readonly string[];
  readonly likely?: readonly string[];
  /** Instead of any answer. */
  readonly instead?: ApiResponse;
}

function answer(status: number, object: unknown): ApiResponse {
  const body = new TextEncoder().encode(JSON.stringify(object));
  return { kind: 'answer', status, retryAfterMs: 0, contentType: 'application/json', body };
}

function leaseIn(namespace: string, record: LeaseRecord): unknown {
  return leaseObject({ name: 'updater', namespace, resourceVersion: '7' }, record);
}

async function look(world: World): Promise<{ found: OtherLeaders; asked: string[] }> {
  let round = 0;
  const asked: string[] = [];
  const request = async ({ method, path, query }: ApiRequest): Promise<ApiResponse> => {
    asked.push(`${method} ${path}${query === undefined ? '' : `?${new URLSearchParams(query)}`}`);
    if (world.instead !== undefined) return world.instead;
    const leases = world.looks[Math.min(round, world.looks.length - 1)] ?? {};
    const namespace = /namespaces\/([^/]+)\/leases\/updater$/.exec(path)?.[1];
    const mayRead = world.readable === undefined || (namespace !== undefined && world.readable.includes(namespace));
    if (!mayRead) return answer(403, { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no right to it' });
    if (namespace === undefined) {
      return answer(200, { items: Object.entries(leases).map(([name, record]) => leaseIn(name, record)) });
    }
    const record = leases[namespace];
    return record === undefined ? answer(404, { code: 404 }) : answer(200, leaseIn(namespace, record));
  };
  const found = await otherLeaders({
    request,
    name: 'updater',
    namespace: 'mine',
    likelyNamespaces: world.likely ?? [],
    now: () => NOW_MS,
    pause: async () => {
      round += 1;
    },
  });
  return { found, asked };
}

const held = { code: 'held', namespace: 'theirs', holder: 'laptop_1', untilMs: UNTIL_MS, isEarlier: true };

const rows: readonly { name: string; world: World; found: object; looks?: number }[] = [
  { name: 'nobody has such a lease', world: { looks: [{}] }, found: { code: 'none' } },
  { name: 'held in another namespace', world: { looks: [{ theirs: HELD }] }, found: held },
  { name: 'held in the own namespace', world: { looks: [{ mine: HELD }] }, found: { code: 'none' } },
  {
    name: 'held, later than ours',
    world: { looks: [{ mine: { ...HELD, acquireTimeMs: HELD.acquireTimeMs - 1 }, theirs: HELD }] },
    found: { ...held, isEarlier: false },
  },
  {
    name: 'held, at the same time as ours, by the namespace that comes later',
    world: { looks: [{ mine: HELD, theirs: HELD }] },
    found: { ...held, isEarlier: false },
  },
  {
    name: 'held, earlier than ours',
    world: { looks: [{ mine: { ...HELD, acquireTimeMs: HELD.acquireTimeMs + 1 }, theirs: HELD }] },
    found: held,
  },
  {
    name: 'given up',
    world: { looks: [{ theirs: { ...HELD, holderIdentity: '' } }] },
    found: { code: 'none' },
  },
  {
    name: 'several, one of them held',
    world: { looks: [{ a: { ...HELD, holderIdentity: '' }, b: LAPSED, theirs: HELD }] },
    found: held,
  },
  { name: 'ran out, and stays so', world: { looks: [{ theirs: LAPSED }] }, found: { code: 'none' }, looks: 2 },
  {
    name: 'ran out by our clock, and is renewed',
    world: { looks: [{ theirs: LAPSED }, { theirs: { ...LAPSED, renewTimeMs: LAPSED.renewTimeMs + 2_000 } }] },
    found: { ...held, untilMs: LAPSED.renewTimeMs + 17_000 },
    looks: 2,
  },
  {
    name: 'ran out, and is given up',
    world: { looks: [{ theirs: LAPSED }, { theirs: { ...LAPSED, holderIdentity: '' } }] },
    found: { code: 'none' },
    looks: 2,
  },
  {
    name: 'ran out yesterday',
    world: { looks: [{ theirs: { ...HELD, renewTimeMs: NOW_MS - 86_400_000 } }, { theirs: HELD }] },
    found: { code: 'none' },
  },
  {
    name: 'may not list, the deployed one may be read, and is held',
    world: { looks: [{ theirs: HELD }], readable: ['theirs'], likely: ['mine', 'theirs', 'theirs'] },
    found: held,
    looks: 2,
  },
  {
    name: 'may not list, and nobody leads where it may look',
    world: { looks: [{}], readable: ['theirs'], likely: ['theirs', 'hidden'] },
    found: { code: 'forbidden', looked: ['theirs'] },
    looks: 3,
  },
  {
    name: 'may look nowhere',
    world: { looks: [{ theirs: HELD }], readable: [], likely: ['theirs'] },
    found: { code: 'forbidden', looked: [] },
    looks: 2,
  },
  {
    name: 'the API server does not answer',
    world: {
      looks: [],
      instead: { kind: 'failure', code: 'timeout', wasSent: true, message: 'no answer within 10000 ms' },
    },
    found: { code: 'no-answer', message: 'no answer within 10000 ms' },
  },
  {
    name: 'the API server is not ready',
    world: { looks: [], instead: answer(503, { kind: 'Status', code: 503, message: 'starting' }) },
    found: { code: 'no-answer' },
  },
  {
    name: 'the credentials are refused',
    world: { looks: [], instead: answer(401, { kind: 'Status', code: 401, message: 'Unauthorized' }) },
    found: { code: 'no-answer' },
  },
  {
    name: 'something else answers',
    world: { looks: [], instead: answer(200, { hello: 'world' }) },
    found: { code: 'no-answer' },
  },
];
for (const { name, world, found, looks = 1 } of rows) {
  test(`trust 15: lease: ${name} → ${'code' in found ? found.code : ''}`, async () => {
    const result = await look(world);
    assert.deepEqual({ ...result.found, ...found }, result.found);
    assert.equal(result.asked.length, looks, result.asked.join('\n'));
    assert.equal(
      result.asked[0],
      `GET /apis/coordination.k8s.io/v1/leases?${new URLSearchParams({ fieldSelector: 'metadata.name=updater' })}`,
    );
  });
}
