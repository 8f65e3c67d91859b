import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { adminRoutes, type WorkersReport } from '../../src/server/admin-routes.ts';
import { debugRoutes } from '../../src/server/debug-routes.ts';
import { HttpServer, type RouteRequest, textResponse } from '../../src/server/http-server.ts';
import { onlyFromLoopback } from '../../src/server/loopback-guard.ts';

const REPORT: WorkersReport = {
  setting: 4,
  source: 'admin',
  wanted: 4,
  actual: 3,
  reason: 'set',
  cpus: 2,
  decisions: [{ at: '2026-11-23T10:00:00.000Z', from: 3, to: 4, reason: 'set' }],
};
const set: string[] = [];
/** Holds profiles back until a test lets them go. */
let gate = Promise.withResolvers<void>();
const profiles: string[] = [];
const server = new HttpServer({
  address: { host: '127.0.0.1', port: 0 },
  routes: [
    ...adminRoutes({
      workers: () => REPORT,
      setWorkers: (value) => {
        if (value === '0') return 'value: "0" is not a number of worker threads';
        set.push(value);
        return undefined;
      },
      status: () => ({ isLeading: true }),
    }),
    ...debugRoutes({
      threads: () => ['main', 'lane-0', 'lane-1'],
      profile: async (thread, kind, durationMs) => {
        profiles.push(`${thread} ${kind} ${durationMs}`);
        await gate.promise;
        if (thread === 'lane-1') throw new Error('lane 1 has no thread');
        return `{"of":"${thread}"}`;
      },
    }),
  ],
  onError: () => {},
});
let port = 0;
before(async () => {
  ({ port } = await server.listen());
});
after(() => server.close());

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Not fetch: it does not let a caller choose the Host header. */
function ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    request.end();
  });
}

const ADMIN = { 'x-daemonpodupdater-admin': '1' };

test('admin: GET workers → setting, numbers, reason and decisions', async () => {
  const { status, text } = await ask('GET', '/admin/workers');
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), REPORT);
});

test('admin: GET status → JSON', async () => {
  assert.deepEqual(JSON.parse((await ask('GET', '/admin/status')).text), { isLeading: true });
});

test('admin: PUT with the header → set, and the new state comes back', async () => {
  set.length = 0;
  const { status, text } = await ask('PUT', '/admin/workers?value=auto', ADMIN);
  assert.equal(status, 200);
  assert.equal(JSON.parse(text).wanted, 4);
  assert.deepEqual(set, ['auto']);
});

const refused: readonly {
  method: string;
  path: string;
  headers?: Record<string, string>;
  status: number;
  text: RegExp;
}[] = [
  { method: 'PUT', path: '/admin/workers?value=8', status: 403, text: /needs the header x-daemonpodupdater-admin/ },
  { method: 'PUT', path: '/admin/workers?value=0', headers: ADMIN, status: 400, text: /"0" is not a number/ },
  { method: 'PUT', path: '/admin/workers', headers: ADMIN, status: 400, text: /value=4, or value=auto/ },
  { method: 'POST', path: '/admin/workers?value=8', headers: ADMIN, status: 405, text: /use GET, PUT/ },
  { method: 'GET', path: '/admin/workers', headers: { host: 'evil.example' }, status: 403, text: /Host header/ },
  { method: 'GET', path: '/admin/workers', headers: { host: '10.0.0.7:8081' }, status: 403, text: /Host header/ },
  { method: 'GET', path: '/admin/status', headers: { host: 'localhost.evil.example' }, status: 403, text: /Host/ },
  { method: 'GET', path: '/admin/status', headers: { 'x-forwarded-for': '10.1.1.1' }, status: 403, text: /proxy/ },
  { method: 'GET', path: '/debug/pprof/profile?seconds=0', status: 400, text: /seconds: "0" .* from 1 to 300/ },
  { method: 'GET', path: '/debug/pprof/profile?seconds=301', status: 400, text: /seconds: "301"/ },
  { method: 'GET', path: '/debug/pprof/heap?seconds=1.5', status: 400, text: /seconds: "1\.5"/ },
  { method: 'GET', path: '/debug/pprof/heap?seconds=', status: 400, text: /seconds: ""/ },
  { method: 'GET', path: '/debug/pprof/profile?thread=lane-2', status: 400, text: /none of main, lane-0, lane-1, all/ },
  { method: 'GET', path: '/debug/pprof/profile?second=5', status: 400, text: /unknown parameter "second"/ },
  { method: 'GET', path: '/debug/pprof/profile', headers: { host: 'evil.example' }, status: 403, text: /Host/ },
];
for (const { method, path, headers, status, text } of refused) {
  test(`admin: ${method} ${path} ${JSON.stringify(headers ?? {})} → ${status}, nothing changes`, async () => {
    set.length = 0;
    profiles.length = 0;
    const answer = await ask(method, path, headers);
    assert.equal(answer.status, status);
    assert.match(answer.text, text);
    assert.deepEqual([set, profiles], [[], []]);
  });
}

const peers: readonly { remoteAddress: string; status: number }[] = [
  { remoteAddress: '127.0.0.1', status: 200 },
  { remoteAddress: '::1', status: 200 },
  { remoteAddress: '::ffff:127.0.0.1', status: 200 },
  { remoteAddress: '127.0.0.6', status: 403 },
  { remoteAddress: '10.0.0.7', status: 403 },
  { remoteAddress: '::ffff:10.0.0.7', status: 403 },
  { remoteAddress: '', status: 403 },
];
for (const { remoteAddress, status } of peers) {
  test(`loopback guard: a peer at "${remoteAddress}" → ${status}`, async () => {
    const route = onlyFromLoopback({ method: 'GET', path: '/', handle: () => textResponse(200, 'in') });
    const request: RouteRequest = { query: new URLSearchParams(), remoteAddress, headers: { host: 'localhost:1' } };
    assert.equal((await route.handle(request)).status, status);
  });
}

test('debug: a second profile while one is taken → 409; afterwards it can be had', async () => {
  gate = Promise.withResolvers();
  profiles.length = 0;
  const first = ask('GET', '/debug/pprof/profile?seconds=2&thread=lane-0');
  const deadlineMs = performance.now() + 120_000;
  while (profiles.length === 0 && performance.now() < deadlineMs) await ask('GET', '/admin/status');
  assert.equal((await ask('GET', '/debug/pprof/heap?seconds=2')).status, 409);
  gate.resolve();
  assert.deepEqual(await first, { status: 200, text: '{"of":"lane-0"}' });
  assert.equal((await ask('GET', '/debug/pprof/heap')).status, 200);
  assert.deepEqual(profiles, ['lane-0 cpu 2000', 'main heap 10000']);
});

test('debug: thread=all → an object by thread; one that ended meanwhile says why', async () => {
  gate.resolve();
  const { text } = await ask('GET', '/debug/pprof/profile?seconds=1&thread=all');
  assert.deepEqual(JSON.parse(text), {
    main: { of: 'main' },
    'lane-0': { of: 'lane-0' },
    'lane-1': { error: 'lane 1 has no thread' },
  });
});

test('debug: one thread that cannot be profiled → 500, and the next one can', async () => {
  gate.resolve();
  assert.equal((await ask('GET', '/debug/pprof/profile?thread=lane-1')).status, 500);
  assert.equal((await ask('GET', '/debug/pprof/profile?thread=main')).status, 200);
});
