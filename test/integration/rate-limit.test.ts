import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { monotonicMs } from '../../src/clock.ts';
import { Cli, kubeconfig, rolledOut, simulator } from './support.ts';

const QPS = 40;
const BURST = 10;
const NODES = 40;
/** Each deletion is refused so often, and the pod is read each time. */
const CONFLICTS = 2;
/** So much later than the others the first one may arrive on a busy machine. Without the limit all of them take less. */
const LATE_MS = 2_000;

interface Arrival {
  readonly atMs: number;
  readonly line: string;
}

/** Stands before the API server, counts, and lets every deletion fail at first. */
async function countingServer(t: TestContext, target: string) {
  const arrivals: Arrival[] = [];
  const refusals = new Map<string, number>();
  const carry = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = incoming;
    arrivals.push({ atMs: monotonicMs(), line: `${method} ${url}` });
    const refused = refusals.get(url) ?? 0;
    if (method === 'DELETE' && refused < CONFLICTS) {
      refusals.set(url, refused + 1);
      incoming.resume().on('end', () => {
        response.writeHead(409, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ kind: 'Status', status: 'Failure', reason: 'Conflict', code: 409 }));
      });
      return;
    }
    const outgoing = request(`${target}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };
  const server = createServer(carry);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, arrivals };
}

test('trust 20: --kube-api-qps with deletions that conflict → all requests of all threads together keep to it', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: NODES, startupMs: 50, maxUnavailable: '100%' } });
  const { url, arrivals } = await countingServer(t, cluster.url);
  const servers = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0'];
  const rate = ['--kube-api-qps', String(QPS), '--kube-api-burst', String(BURST)];
  const run = new Cli(t, ['run', '--kubeconfig', await kubeconfig(t, url), '--workers', '2', ...servers, ...rate]);
  await cluster.control.startRollout();
  await rolledOut(cluster);
  run.signal('SIGTERM');
  assert.equal(await run.ended, 0, run.output);
  const deletions = arrivals.filter(({ line }) => line.startsWith('DELETE')).length;
  assert.ok(deletions >= (CONFLICTS + 1) * NODES, `${deletions} deletions asked for`);
  const [first] = arrivals;
  for (const [index, { atMs }] of arrivals.entries()) {
    const allowed = BURST + (QPS * (atMs - (first?.atMs ?? 0) + LATE_MS)) / 1000;
    assert.ok(index + 1 <= allowed, `${index + 1} requests within ${Math.round(atMs - (first?.atMs ?? 0))} ms`);
  }
});
