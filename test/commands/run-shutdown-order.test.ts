import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { Cli, eventually, kubeconfig, simulator } from '../integration/support.ts';

const SERVERS = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0'];

/** Stands before the simulated API server, keeps deletions for a while, and sees when the lease becomes free. */
class DeletionGate {
  /** Deletions that have arrived and are not answered. */
  underWay = 0;
  /** As many were under way each time that the lease was given up. */
  readonly underWayAtRelease: number[] = [];
  /** Deletions that were ended so that nothing of them can arrive later. */
  resets = 0;
  readonly #target: string;
  readonly #holdMs: number;
  readonly #server = createServer((incoming, response) => void this.#serve(incoming, response));

  private constructor(target: string, holdMs: number) {
    this.#target = target;
    this.#holdMs = holdMs;
  }

  static async open(context: TestContext, target: string, holdMs: number): Promise<DeletionGate> {
    const gate = new DeletionGate(target, holdMs);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    context.after(() => {
      gate.#server.close();
      gate.#server.closeAllConnections();
    });
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const { method, url = '', headers } = incoming;
    if (url.includes('/leases/') && /"holderIdentity":\s*""/.test(String(body))) {
      this.underWayAtRelease.push(this.underWay);
    }
    const carry = (): void => {
      const outgoing = request(`${this.#target}${url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
      });
      outgoing.on('error', () => response.destroy());
      response.once('close', () => outgoing.destroy());
      outgoing.end(body);
    };
    if (method !== 'DELETE') {
      carry();
      return;
    }
    this.underWay += 1;
    incoming.socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET') this.resets += 1;
    });
    const timer = setTimeout(carry, this.#holdMs);
    response.once('close', () => {
      clearTimeout(timer);
      this.underWay -= 1;
    });
  }
}

/** A leader with deletions under way that take that long, and that was told to end. */
async function endedLeader(context: TestContext, holdMs: number, ...args: readonly string[]) {
  const cluster = await simulator(context, { scenario: { nodes: 20, startupMs: 200, maxUnavailable: '5' } });
  const gate = await DeletionGate.open(context, cluster.url, holdMs);
  const config = await kubeconfig(context, gate.url);
  const cli = new Cli(context, ['run', '--kubeconfig', config, ...SERVERS, '--workers', '1', ...args]);
  const has = (message: string): boolean => cli.logs().some((line) => line.message === message);
  await eventually(`it leads: ${cli.output}`, () => has('became leader'));
  await cluster.control.startRollout();
  await eventually('deletions are under way', () => gate.underWay > 0);
  cli.signal('SIGTERM');
  return { cli, gate, has };
}

test('run: SIGTERM with deletions under way → the lease becomes free when they have ended, not before', async (context) => {
  const { cli, gate, has } = await endedLeader(context, 1_500);
  assert.equal(await cli.ended, 0, cli.output);
  assert.deepEqual(gate.underWayAtRelease, [0]);
  assert.equal(has('worker thread lost'), false, 'none was given up');
});

test('run: SIGTERM with --shutdown-grace 500ms, and deletions that take longer than any deadline → exit code 0 soon, the lease is free, and trust 18: what has not arrived never does', async (context) => {
  // A write ends with the right to write, too: not here, or one could not tell what ended it.
  const lease = ['--leader-elect-lease-duration', '90s', '--leader-elect-renew-deadline', '60s'];
  const { cli, gate } = await endedLeader(context, 60_000, '--shutdown-grace', '500ms', ...lease);
  let code: number | null | undefined;
  void cli.ended.then((ended) => {
    code = ended;
  });
  // Well before a task gives up by itself, after 15 s.
  const sentMs = performance.now();
  await eventually(`it ends: ${cli.output}`, () => code !== undefined);
  assert.ok(performance.now() - sentMs < 10_000, cli.output);
  assert.equal(code, 0, cli.output);
  assert.deepEqual(gate.underWayAtRelease, [0]);
  assert.ok(gate.resets > 0);
});
