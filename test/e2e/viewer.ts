import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../control-plane/api-client.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { requestToken } from '../control-plane/updater.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const NAMESPACE = 'daemonpodupdater';
const ACCOUNT = { namespace: NAMESPACE, name: 'viewer' };

/** A kubeconfig of somebody with the rights of deploy/examples/viewer.yaml and no others. */
export async function viewerKubeconfig(plane: ControlPlane): Promise<string> {
  const { admin } = plane;
  await admin.post(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: ACCOUNT.name } });
  const documents = parseAllDocuments(await readFile(join(ROOT, 'deploy/examples/viewer.yaml'), 'utf8'));
  for (const role of documents.map((document) => document.toJS() as KubeObject)) {
    const { kind = '', metadata } = role;
    const scope = kind === 'ClusterRole' ? RBAC : `${RBAC}/namespaces/${metadata.namespace}`;
    await admin.post(`${scope}/${kind.toLowerCase()}s`, role);
    await admin.post(`${scope}/${kind.toLowerCase()}bindings`, {
      metadata: { name: metadata.name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', ...ACCOUNT }],
    });
  }
  return await plane.writeKubeconfig({
    user: ACCOUNT.name,
    token: await requestToken(plane, ACCOUNT),
    namespace: 'default',
  });
}

/** What `daemonpodupdater status` prints; rejects when it fails. */
export async function printedStatus(kubeconfigPath: string, ...args: readonly string[]): Promise<string> {
  return await printed('status', kubeconfigPath, ...args);
}

/** What a command prints that reads the cluster; rejects when it fails. */
export async function printed(name: string, kubeconfigPath: string, ...args: readonly string[]): Promise<string> {
  const command = [join(ROOT, 'src', 'main.ts'), name, '--kubeconfig', kubeconfigPath, ...args];
  return (await promisify(execFile)(process.execPath, command)).stdout;
}
