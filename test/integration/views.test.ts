import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { documentProblems } from '../commands/contract.ts';
import { Cli, eventually, kubeconfig, runCli, simulator, startUpdater } from './support.ts';
import { untilTold, view } from './view-commands.ts';

test('plan: before, in the middle and after → each node with its reason, as a table and as JSON; nothing is written', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 12, maxUnavailable: '3', startupMs: 300 } });
  const config = await kubeconfig(t, cluster.url);
  const plan = (...args: string[]) => view(['plan', 'agent', '--kubeconfig', config, ...args]);
  await cluster.control.setNodeReady('node-05', false);
  await cluster.control.startRollout();
  await eventually('the new template is seen', async () => {
    return (await cluster.control.progress())[0]?.isNewRevisionKnown === true;
  });
  const table = await runCli(t, ['plan', 'agent', '--kubeconfig', config]);
  assert.equal(table.code, 0, table.stderr);
  assert.match(
    table.stdout,
    /^default\/agent: AdvancedRollingUpdate to revision \w+; 0 nodes without an available pod, 3 allowed\n/,
  );
  assert.match(table.stdout, /\nNODE +POD +REVISION +STATE +REASON\n/);
  for (let node = 0; node < 12; node++) {
    assert.match(table.stdout, new RegExp(`\nnode-${String(node).padStart(2, '0')} +agent-`));
  }
  const json = await plan('-n', 'default', '-o', 'json');
  assert.equal(json.code, 0, json.stderr);
  assert.deepEqual(documentProblems('plan', JSON.parse(json.stdout)), []);
  const { daemonSet, counts, reasons, nodes } = JSON.parse(json.stdout);
  assert.deepEqual([daemonSet, counts.eligible, counts.allowed, nodes.length], ['default/agent', 12, 3, 12]);
  assert.deepEqual(reasons, { 'update-next': 3, 'waiting-budget': 8, 'node-not-ready': 1 });
  const notReady = nodes.find(({ node }: { node: string }) => node === 'node-05');
  assert.match(notReady.reason, /not-ready/i);
  assert.deepEqual(Object.keys((await cluster.control.statistics()).requests), ['GET']);

  await startUpdater(t, cluster);
  await eventually('all Ready nodes are updated', () => cluster.control.isMet({ condition: 'rolled-out' }));
  const after = JSON.parse((await plan('-o', 'json')).stdout);
  assert.equal(after.counts.updated, 11);
});

test('plan: a DaemonSet that did not opt in, or is refused → exit code 1 and why', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 2, daemonSets: 2 } });
  const config = await kubeconfig(t, cluster.url);
  await cluster.control.annotateDaemonSet('default/agent-2', { 'apps.openyurt.io/update-strategy': 'BlueGreen' });
  for (const [name, says] of [
    ['nobody', /does not exist there, or has no annotation/],
    ['agent-2', /"BlueGreen"; use OTA or AdvancedRollingUpdate/],
  ] as const) {
    const { code, stdout, stderr } = await view(['plan', name, '--kubeconfig', config]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, says);
  }
});

test('plan and status: the cluster may not be read → exit code 1 and which verb on which resource', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 2 } });
  const config = await kubeconfig(t, cluster.url);
  await cluster.control.setForbidden([{ verb: 'list', resource: 'nodes' }]);
  for (const args of [['plan', 'agent'], ['status']]) {
    const { code, stdout, stderr } = await view([...args, '--kubeconfig', config]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /cannot read the cluster at 127\.0\.0\.1:\d+ \(context \S+\): nodes: .*cannot list resource "nodes"/,
    );
  }
});

/** Before the cluster: nodes cannot be watched, the list of DaemonSets is slow and expires once, and two of them make no sense. */
async function troublesome(t: TestContext, target: string): Promise<string> {
  let pages = 0;
  const server = createServer(async (incoming, response) => {
    const { url = '/', headers } = incoming;
    const isWatch = url.includes('watch=true');
    const problem = (code: number, reason: string): void => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason }),
      );
    };
    if (isWatch) return url.includes('/nodes?') ? problem(403, 'Forbidden') : undefined;
    if (url.includes('continue=')) {
      await sleep(300);
      return problem(410, 'Expired');
    }
    const answer = await fetch(`${target}${url}`, { headers: { accept: headers.accept ?? '' } });
    let body = Buffer.from(await answer.arrayBuffer());
    if (/\/daemonsets(\?|$)/.test(url)) {
      const list = JSON.parse(body.toString());
      if (pages++ === 0) Object.assign(list, { items: [], metadata: { ...list.metadata, continue: 'more' } });
      else list.items.push({ metadata: { name: 'x/y', namespace: 'default' } }, {});
      body = Buffer.from(JSON.stringify(list));
    }
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    return response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('plan and status: objects that make no sense, a watch that fails, a list that expires → told all the same, with a warning', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 3 } });
  for (const args of [['plan', 'agent'], ['status']]) {
    const config = await kubeconfig(t, await troublesome(t, cluster.url));
    const { code, stdout, stderr } = await view([...args, '--kubeconfig', config]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /agent/);
    assert.match(stderr, /^warning: objects are left out, the first of daemonsets.*: .*\n$/);
  }
});

test('status: two rollouts → a line each, and JSON; one that is not there, or is refused → exit code 1 and why', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 8, daemonSets: 3, strategy: 'OTA' } });
  const config = await kubeconfig(t, cluster.url);
  const annotate = (name: string, strategy: string) =>
    cluster.control.annotateDaemonSet(name, { 'apps.openyurt.io/update-strategy': strategy });
  await annotate('default/agent-2', 'AdvancedRollingUpdate');
  await annotate('default/agent-3', 'BlueGreen');
  const status = (...args: string[]) => view(['status', '--kubeconfig', config, ...args]);
  const table = await runCli(t, ['status', '--kubeconfig', config]);
  assert.equal(table.code, 0, table.stderr);
  const lines = table.stdout.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^NAMESPACE +NAME +STRATEGY +REVISION +NODES/);
  assert.deepEqual(
    lines
      .slice(1, 3)
      .map((line) => line.split(/ +/).slice(0, 3).join(' '))
      .sort(),
    ['default agent OTA', 'default agent-2 AdvancedRollingUpdate'],
  );
  assert.match(table.stdout, /\nwarning: default\/agent-3: not updated: .*"BlueGreen"; use OTA or Advanced/);
  const json = await status('agent-2', '-o', 'json');
  assert.deepEqual(documentProblems('status', JSON.parse(json.stdout)), []);
  const { daemonSets, warnings } = JSON.parse(json.stdout);
  const [only, ...others] = daemonSets;
  assert.deepEqual([only.daemonSet, only.eligible, only.updated, others.length], ['default/agent-2', 8, 8, 0]);
  assert.deepEqual(warnings, []);
  for (const [name, says] of [
    ['nobody', /error: no DaemonSet nobody has opted in/],
    ['agent-3', /error: default\/agent-3: not updated: .*"BlueGreen"/],
  ] as const) {
    const { code, stdout, stderr } = await status(name);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, says);
  }
  const elsewhere = await status('-n', 'elsewhere');
  assert.equal(elsewhere.code, 0);
  assert.match(
    elsewhere.stdout,
    /^No DaemonSet has opted in with the annotation apps.openyurt.io\/update-strategy\.\n/,
  );
});

test('status: a leader elsewhere → windows, rate, threads and why are told beside its lease; without the right or the leader all else does', async (t) => {
  const cluster = await simulator(t, { speed: 1, scenario: { nodes: 300, startupMs: 1_000, maxUnavailable: '4' } });
  const config = await kubeconfig(t, cluster.url);
  const status = (...args: string[]) => view(['status', '--kubeconfig', config, ...args]);
  const before = await status();
  assert.equal(before.code, 0, before.stderr);
  assert.match(
    before.stdout,
    /\ncontroller not reached: there is no lease daemonpodupdater\/daemonpodupdater or default\//,
  );
  const servers = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0', '--workers', '3'];
  const election = ['--leader-elect-resource-name', 'ops', '--leader-elect-retry-period', '200ms'];
  const leader = new Cli(t, ['run', '--kubeconfig', config, ...servers, ...election]);
  await cluster.control.startRollout();
  await eventually('pods are being replaced', async () => (await cluster.control.report()).deletes >= 5);
  const lease = ['--leader-elect-resource-name', 'ops'];
  const head = /\ncontroller \S+, leading, as of \d+s ago\n/;
  const row = /\nDAEMONSET +AT ONCE +REPLACED\/S +PACE +WHY\ndefault\/agent +4 of 4 +\d+\.\d +\w+ +\S/;
  let seen = before;
  await untilTold(cluster, 'ops', 'the leader tells of the rollout', async () => {
    seen = await status(...lease);
    return head.test(seen.stdout) && row.test(seen.stdout);
  });
  assert.equal(seen.code, 0, seen.stderr);
  assert.match(seen.stdout, /\nworker threads +3\nsetting +3 \(set by --daemonpodupdater-workers\)\nwhy +this number/);
  const document = JSON.parse((await status(...lease, '-o', 'json')).stdout);
  assert.deepEqual(documentProblems('status', document), []);
  const { daemonSets, controller } = document;
  const { daemonSet, window, refused: known, repeated, leader: told } = daemonSets[0];
  assert.deepEqual([daemonSet, window, known, repeated], ['default/agent', undefined, undefined, undefined]);
  assert.deepEqual(told, { refused: 0, refusals: [], repeated: 0, failures: {} });
  assert.deepEqual([controller.workers.actual, controller.rollouts[0].pace.window], [3, 4]);
  const plan = (...args: string[]) => view(['plan', 'agent', '--kubeconfig', config, ...lease, ...args]);
  assert.doesNotMatch((await plan()).stdout, /pace/, 'it is as large as the budget');
  await cluster.control.setForbidden([{ verb: 'delete', resource: 'pods' }]);
  await untilTold(cluster, 'ops', 'what the leader was refused is told', async () => {
    const { stdout } = await status(...lease);
    return (
      / old, writes are refused\n/.test(stdout) &&
      /\nwarning: default\/agent: the API server refuses to delete the pod on \d+ nodes? \(node-.*, forbidden: .*cannot delete/.test(
        stdout,
      )
    );
  });
  assert.match((await plan()).stdout, /\nthe API server refuses to delete the pod on \d+ nodes? \(node-/);
  for (const { daemonSets: all, leader: own = all[0].leader } of [
    JSON.parse((await plan('-o', 'json')).stdout),
    JSON.parse((await status(...lease, '-o', 'json')).stdout),
  ]) {
    const [{ action, code, nodes, message }] = own.refusals;
    assert.ok(own.refused >= 1 && nodes[0].startsWith('node-'));
    assert.deepEqual([action, code, own.repeated], ['delete', 'forbidden', 0]);
    assert.match(message, /cannot delete/);
  }
  await cluster.control.setForbidden([{ verb: 'get', resource: 'leases' }]);
  const refused = await status(...lease);
  assert.match((await plan()).stdout, /\nthe pace is not known, so .*: lease \S+\/ops: not allowed to get leases/);
  const { limits, counts, leader: nobody } = JSON.parse((await plan('-o', 'json')).stdout);
  assert.equal(nobody, null, 'not known is not none');
  assert.match(limits.why, /^the pace is not known/);
  assert.deepEqual([counts.allowed, counts.window], [4, undefined]);
  assert.equal(refused.code, 0, refused.stderr);
  assert.match(
    refused.stdout,
    /\ndefault +agent .*\n\ncontroller not reached: lease \S+\/ops: not allowed to get leases/,
  );
  await cluster.control.setForbidden([]);
  leader.signal('SIGTERM');
  assert.equal(await leader.ended, 0, leader.output);
  assert.match((await status(...lease)).stdout, /\ncontroller not reached: nobody holds lease default\/ops/);
});

test('status: a version that does not start on a node → how many failed, why, and where more is told', async (t) => {
  const scenario = { nodes: 4, maxUnavailable: '4', startupMs: 100, badNodesPercent: 25 };
  const cluster = await simulator(t, { speed: 1, scenario });
  const config = await kubeconfig(t, cluster.url);
  await cluster.control.annotateDaemonSet('default/agent', { 'daemonpodupdater.io/progress-deadline-seconds': '1' });
  await startUpdater(t, cluster);
  await cluster.control.startRollout();
  // The kubelet's words are between.
  const says =
    /\nwarning: default\/agent: failed nodes: 1 crash-loop\b.*; "daemonpodupdater plan agent -n default" and the event NodeUpdateFailed tell which and why\n/;
  await eventually('the failed node is told', async () => {
    const { code, stdout, stderr } = await view(['status', '--kubeconfig', config]);
    assert.equal(code, 0, stderr);
    return says.test(stdout);
  });
});

test('trust 14: status and plan: the leader has --max-in-flight → both say that it holds the others, not the pace and not the budget', async (t) => {
  const scenario = { nodes: 30, startupMs: 600_000, maxUnavailable: '10' };
  const cluster = await simulator(t, { speed: 1, scenario });
  const config = await kubeconfig(t, cluster.url);
  const servers = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0', '--workers', '1'];
  new Cli(t, ['run', '--kubeconfig', config, '--max-in-flight', '2', ...servers]);
  await cluster.control.startRollout();
  await eventually('two pods are away', async () => (await cluster.control.report()).deletes === 2);
  const json = async (command: string) =>
    JSON.parse((await view([command, 'agent', '--kubeconfig', config, '-o', 'json'])).stdout);
  await untilTold(cluster, 'daemonpodupdater', 'the leader has told what holds it', async () => {
    const [only] = (await json('status')).daemonSets;
    return only.reasons.some(({ code }: { code: string }) => code === 'max-in-flight');
  });
  const plan = await json('plan');
  assert.deepEqual(plan.reasons, { 'in-flight': 2, 'waiting-max-in-flight': 28 });
  assert.equal(plan.limits.maxInFlight, 2);
  assert.match(plan.limits.why, /^--max-in-flight lets 2 of them go at once/);
});
