import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { waitFor } from '../control-plane/processes.ts';
import { stopUpdater } from '../control-plane/updater.ts';
import { type Cluster, useCluster } from './fixture.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const SERVERS = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0'];
const TIMEOUT_MS = 60_000;

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs the program until it ends by itself. */
function ended(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS };
    execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
    });
  });
}

describe('settings of the client, on a real control plane', () => {
  const cluster = useCluster({ nodes: 1, startupMs: 300 });

  /** The kubeconfig of an administrator, changed. */
  async function adminKubeconfig(change: { user?: object; namespace?: string }): Promise<string> {
    const path = await cluster().plane.identityKubeconfig('admin');
    const file = parse(await readFile(path, 'utf8'));
    Object.assign(file.users[0].user, change.user);
    Object.assign(file.contexts[0].context, { namespace: change.namespace ?? 'default' });
    const changed = `${path}.changed`;
    await writeFile(changed, JSON.stringify(file));
    return changed;
  }

  async function leadsIn({ plane }: Cluster, namespace: string): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/daemonpodupdater`;
    const isHeld = async () => {
      const lease = await plane.admin.get<{ spec: { holderIdentity?: string } }>(path).catch(() => undefined);
      return Boolean(lease?.spec.holderIdentity);
    };
    await waitFor(isHeld, { timeoutMs: TIMEOUT_MS, what: `a leader in ${namespace}` });
  }

  it('trust 15: one leads in the cluster, another is started elsewhere → it ends, unless it is told to ignore that', async () => {
    const deployed = await cluster().startUpdater();
    const { namespace } = cluster().account;
    try {
      await leadsIn(cluster(), namespace);
      const kubeconfig = await adminKubeconfig({});
      const refused = await ended(['run', '--kubeconfig', kubeconfig, ...SERVERS]);
      assert.equal(refused.code, 1, refused.output);
      assert.match(refused.output, new RegExp(`--leader-elect-resource-namespace=${namespace}`));
      const both = cluster().plane.startProgram({
        name: 'second',
        command: process.execPath,
        args: [MAIN, 'run', '--kubeconfig', kubeconfig, ...SERVERS, '--leader-elect-ignore-other-namespaces'],
      });
      await leadsIn(cluster(), 'default');
      await both.stop('SIGTERM', TIMEOUT_MS);
    } finally {
      await stopUpdater(deployed);
    }
  });

  it('trust 15: the same with no more than the right to list leases of that name → it ends', async () => {
    const { admin } = cluster().plane;
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const rule = {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      resourceNames: ['daemonpodupdater'],
      verbs: ['list'],
    };
    await admin.post(`${rbac}/clusterroles`, { metadata: { name: 'lease-lister' }, rules: [rule] });
    const { namespace, name, kubeconfigPath } = cluster().account;
    await admin.post(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'lease-lister' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'lease-lister' },
      subjects: [{ kind: 'ServiceAccount', namespace, name }],
    });
    const local = cluster().plane.startProgram({
      name: 'local',
      command: process.execPath,
      args: [MAIN, 'run', '--kubeconfig', await adminKubeconfig({}), ...SERVERS],
    });
    try {
      await leadsIn(cluster(), 'default');
      const refused = await ended(['run', '--kubeconfig', kubeconfigPath, ...SERVERS]);
      assert.equal(refused.code, 1, refused.output);
      assert.match(refused.output, /--leader-elect-resource-namespace=default/);
    } finally {
      await local.stop('SIGTERM', TIMEOUT_MS);
    }
  });

  it('trust 19: as somebody else, in a group → has the rights of the group, and without it none', async () => {
    const masters = {
      as: 'nobody',
      'as-groups': ['system:masters'],
      'as-user-extra': { 'example.test/Why': ['test'] },
    };
    const allowed = await ended(['status', '--kubeconfig', await adminKubeconfig({ user: masters })]);
    assert.equal(allowed.code, 0, allowed.output);
    const none = await ended(['status', '--kubeconfig', await adminKubeconfig({ user: { as: 'nobody' } })]);
    assert.equal(none.code, 1, none.output);
    assert.match(none.output, /nobody/);
  });
});
