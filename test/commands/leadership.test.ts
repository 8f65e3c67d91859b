import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, ApiResponse } from '../../src/client/api.ts';
import type { LogFields, LogLevel } from '../../src/controller/ports.ts';
import { startElection } from '../../src/manager/leadership.ts';
import { eventually } from '../client/local-server.ts';

type Line = [level: LogLevel, message: string, fields: LogFields];

test('leadership: the API server is away for many attempts → said once, and once when it is reached again, with how often', async (t) => {
  let attempts = 0;
  let isAway = true;
  let isLeading = false;
  const lines: Line[] = [];
  const request = async ({ method, body }: ApiRequest): Promise<ApiResponse> => {
    attempts += 1;
    if (isAway) return { kind: 'failure', code: 'connection-refused', wasSent: false, message: 'nobody listens' };
    const answer = { kind: 'answer', retryAfterMs: 0, contentType: 'application/json' } as const;
    if (method === 'GET') return { ...answer, status: 404, body: new Uint8Array() };
    const object: object = JSON.parse(String(body));
    const stored = JSON.stringify({ ...object, metadata: { resourceVersion: '1' } });
    return { ...answer, status: 201, body: new TextEncoder().encode(stored) };
  };
  const elector = startElection({
    updater: { client: { request }, lead: () => {}, standBy: () => {} },
    election: {
      isEnabled: true,
      timings: { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 5 },
      resourceName: 'lock',
      resourceNamespace: undefined,
      shouldIgnoreOthers: false,
    },
    identity: 'me',
    namespace: 'system',
    log: (level, message, fields) => lines.push([level, message, fields]),
    onChange: (isLeader) => {
      isLeading = isLeader;
    },
    note: { status: () => '{}', memories: () => new Map(), remember: () => {}, isReady: () => false },
  });
  t.after(() => elector.release());
  await eventually('ten attempts', () => attempts >= 10);
  assert.deepEqual(lines, [['warn', 'lease not reached', { detail: 'lease system/lock: nobody listens' }]]);
  isAway = false;
  await eventually('it leads', () => isLeading);
  const again = lines.filter(([level, message]) => level === 'info' && message === 'lease reached again');
  assert.equal(again.length, 1);
  assert.ok(Number(again[0]?.[2].count) >= 10);
});
