import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { loadConnection } from '../../src/client/credentials.ts';

export const SECRET = 'planted-secret';

export const API_VERSION = 'client.authentication.k8s.io/v1';
export const CREDENTIAL = { apiVersion: API_VERSION, kind: 'ExecCredential', status: { token: 'from-the-plugin' } };
export const ANSWER = `echo '${JSON.stringify(CREDENTIAL)}'`;

/** A user whose plugin runs these lines of shell. */
export function pluginUser(exec: object, script = ANSWER): object {
  return { token: undefined, exec: { apiVersion: API_VERSION, command: 'sh', args: ['-c', script], ...exec } };
}

/** A folder that ends with the test; the environment has no kubeconfig in it. */
export function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'credentials-'));
  const { KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env;
  process.env.HOME = folder;
  for (const name of ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT']) delete process.env[name];
  withoutProxies(t);
  t.after(() => {
    rmSync(folder, { recursive: true });
    for (const [name, value] of Object.entries({
      KUBECONFIG,
      HOME,
      KUBERNETES_SERVICE_HOST,
      KUBERNETES_SERVICE_PORT,
    })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  return folder;
}

function withoutProxies(t: TestContext): void {
  for (const name of Object.keys(process.env).filter((known) => /^(?:https?|no)_proxy$/i.test(known))) {
    const value = process.env[name];
    delete process.env[name];
    t.after(() => {
      process.env[name] = value;
    });
  }
}

interface Choice {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  readonly currentContext?: string;
  readonly suffix?: string;
}

/** JSON is YAML. */
export function kubeconfig(choice: Choice = {}): string {
  const suffix = choice.suffix ?? '';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': choice.currentContext ?? `main${suffix}`,
    clusters: [{ name: `c${suffix}`, cluster: { server: `https://api${suffix}.test:6443/`, ...choice.cluster } }],
    users: [{ name: `u${suffix}`, user: { token: SECRET, ...choice.user } }],
    contexts: [{ name: `main${suffix}`, context: { cluster: `c${suffix}`, user: `u${suffix}`, ...choice.context } }],
  });
}

export function write(folder: string, name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

export async function load(t: TestContext, options: Parameters<typeof loadConnection>[0]) {
  const source = await loadConnection(options);
  t.after(() => source.close());
  return source;
}
