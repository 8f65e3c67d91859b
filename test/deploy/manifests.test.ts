import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { Metrics } from '../../src/server/metrics.ts';
import { metricsRoute } from '../../src/server/routes.ts';
import { flagsIn, helpOf } from '../commands/help.ts';
import { baseObject, readManifests, readText, readYaml } from './manifests.ts';

const root = join(import.meta.dirname, '..', '..');
const deployment = baseObject('Deployment');
const pod = deployment.at('spec', 'template', 'spec');
const container = pod.at('containers', 0);
const name = 'daemonpodupdater';

test('deploy: every manifest → has apiVersion, kind and name', () => {
  const manifests = [...readManifests('deploy/base'), ...readManifests('deploy/examples')];
  assert.ok(manifests.length >= 9);
  for (const { file, yaml } of manifests) {
    for (const path of [['apiVersion'], ['kind'], ['metadata', 'name']]) {
      assert.notEqual(yaml.at(...path).text(), '', `${file} lacks ${path.join('.')}`);
    }
  }
});

test('deploy: kustomization → lists every file of the base, and the namespace of every namespaced object', () => {
  const kustomization = readYaml('deploy/base/kustomization.yaml');
  const files = globSync('deploy/base/*.yaml', { cwd: root })
    .map((file) => basename(file))
    .filter((file) => file !== 'kustomization.yaml');
  assert.deepEqual([...kustomization.at('resources').strings()].sort(), files.sort());
  const clusterScoped = ['Namespace', 'ClusterRole', 'ClusterRoleBinding'];
  for (const { file, yaml } of readManifests('deploy/base')) {
    if (clusterScoped.includes(yaml.at('kind').text())) continue;
    assert.equal(yaml.at('metadata', 'namespace').text(), kustomization.at('namespace').text(), file);
  }
});

test('deploy: image → no registry host, and the version of package.json', () => {
  const image = readYaml('deploy/base/kustomization.yaml').at('images', 0);
  assert.equal(container.at('image').text(), image.at('name').text());
  assert.equal(image.at('name').text(), name);
  assert.equal(image.at('newTag').text(), JSON.parse(readText('package.json')).version);
});

const securityRows: readonly { path: readonly (string | number)[]; expected: unknown }[] = [
  { path: ['securityContext', 'runAsNonRoot'], expected: true },
  { path: ['securityContext', 'runAsUser'], expected: 65532 },
  { path: ['securityContext', 'runAsGroup'], expected: 65532 },
  { path: ['securityContext', 'seccompProfile', 'type'], expected: 'RuntimeDefault' },
  { path: ['containers', 0, 'securityContext', 'allowPrivilegeEscalation'], expected: false },
  { path: ['containers', 0, 'securityContext', 'readOnlyRootFilesystem'], expected: true },
  { path: ['containers', 0, 'securityContext', 'capabilities', 'drop'], expected: ['ALL'] },
  { path: ['containers', 0, 'securityContext', 'capabilities', 'add'], expected: undefined },
  { path: ['containers', 0, 'securityContext', 'privileged'], expected: undefined },
  { path: ['containers', 1], expected: undefined },
  { path: ['hostNetwork'], expected: undefined },
  { path: ['hostPID'], expected: undefined },
  { path: ['volumes'], expected: undefined },
];

for (const { path, expected } of securityRows) {
  test(`deploy: pod's ${path.join('.')} → ${JSON.stringify(expected) ?? 'not set'}`, () => {
    assert.deepEqual(pod.at(...path).value, expected);
  });
}

/** What the image is built by: `COPY`, `RUN` … and the words behind it, over continued lines. */
function instructions(): readonly { readonly name: string; readonly args: readonly string[] }[] {
  const lines = readText('deploy/Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .map(([name = '', ...args]) => ({ name: name.toUpperCase(), args }));
}

test('deploy: image user → the one of the Deployment', () => {
  const user = instructions().findLast(({ name }) => name === 'USER')?.args;
  const { value } = pod.at('securityContext', 'runAsUser');
  assert.deepEqual(user, [`${value}:${pod.at('securityContext', 'runAsGroup').value}`]);
});

test('deploy: image → is built from files that exist and holds no development dependency', () => {
  const ignore = readText('deploy/Dockerfile.dockerignore').trim().split('\n');
  assert.equal(ignore[0], '*');
  const allowed = ignore.slice(1).map((line) => line.replace(/^!/, ''));
  const copied = instructions()
    .filter(({ name, args }) => name === 'COPY' && !args.some((arg) => arg.startsWith('--from=')))
    .flatMap(({ args }) => args.slice(0, -1));
  assert.deepEqual([...new Set(copied)].sort(), allowed.sort());
  const installs = instructions().filter(({ name, args }) => name === 'RUN' && args.includes('npm'));
  assert.ok(installs.length > 0);
  for (const { args } of installs) {
    assert.deepEqual(
      ['ci', '--omit=dev', '--omit=optional', '--ignore-scripts'].filter((arg) => !args.includes(arg)),
      [],
    );
  }
});

test('deploy: probes and ports → agree with the flags', () => {
  const args = container.at('args').strings();
  const ports = container.at('ports').items();
  const portOf = (flag: string) => Number(args.find((arg) => arg.startsWith(`${flag}=`))?.split(':')[1]);
  const declared = (portName: string) =>
    ports.find((port) => port.at('name').text() === portName)?.at('containerPort').value;
  assert.equal(declared('metrics'), portOf('--metrics-bind-address'));
  assert.equal(declared('health'), portOf('--health-probe-bind-address'));
  assert.deepEqual(container.at('livenessProbe', 'httpGet').value, { path: '/healthz', port: 'health' });
  assert.deepEqual(container.at('readinessProbe', 'httpGet').value, { path: '/readyz', port: 'health' });
});

test('deploy: annotations and PodMonitor → lead to the metrics of each replica', () => {
  const template = deployment.at('spec', 'template');
  const port = container
    .at('ports')
    .items()
    .find((one) => one.at('name').text() === 'metrics');
  const { method, path } = metricsRoute(new Metrics({ host: '', leaseName: '', laneCount: 0 }));
  assert.equal(method, 'GET');
  assert.deepEqual(template.at('metadata', 'annotations').value, {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(port?.at('containerPort').value),
    'prometheus.io/path': path,
  });
  const monitor = readYaml('deploy/examples/pod-monitor.yaml');
  const labels = template.at('metadata', 'labels').value;
  assert.equal(monitor.at('metadata', 'namespace').text(), deployment.at('metadata', 'namespace').text());
  assert.deepEqual(monitor.at('spec', 'selector', 'matchLabels').value, labels);
  assert.ok(Object.hasOwn(labels as object, monitor.at('spec', 'jobLabel').text()));
  const endpoint = monitor.at('spec', 'podMetricsEndpoints', 0);
  assert.deepEqual([endpoint.at('port').text(), endpoint.at('path').text()], ['metrics', path]);
  // The rollout metrics have a label `namespace` of their own, which would be renamed.
  assert.equal(endpoint.at('honorLabels').value, true);
});

test('deploy: two replicas → spread, protected from draining both, with time to finish', () => {
  assert.equal(deployment.at('spec', 'replicas').value, 2);
  const labels = deployment.at('spec', 'template', 'metadata', 'labels').value;
  const budget = baseObject('PodDisruptionBudget');
  assert.equal(budget.at('spec', 'maxUnavailable').value, 1);
  for (const selector of [
    budget.at('spec', 'selector'),
    deployment.at('spec', 'selector'),
    pod.at('topologySpreadConstraints', 0, 'labelSelector'),
  ]) {
    assert.deepEqual(selector.at('matchLabels').value, labels);
  }
  assert.ok(Number(pod.at('terminationGracePeriodSeconds').value) >= 30);
});

test('trust 17: network policy → every pod may scrape, and none reaches the health port', () => {
  const policy = baseObject('NetworkPolicy').at('spec');
  assert.deepEqual(
    policy.at('podSelector', 'matchLabels').value,
    deployment.at('spec', 'template', 'metadata', 'labels').value,
  );
  // Egress in it would cut off the API server.
  assert.deepEqual(policy.at('policyTypes').strings(), ['Ingress']);
  const rules = policy.at('ingress').items();
  const portOf = (name: string) =>
    container
      .at('ports')
      .items()
      .find((port) => port.at('name').text() === name)
      ?.at('containerPort').value;
  assert.deepEqual(
    rules.map((rule) => rule.value),
    [{ from: [{ namespaceSelector: {} }], ports: [{ protocol: 'TCP', port: portOf('metrics') }] }],
  );
});

test('deploy: flags of the Deployment → are flags of the program', async () => {
  const [command = '', ...flags] = container.at('args').strings();
  const known = flagsIn(await helpOf(command));
  const named = flags.map((flag) => flag.split('=')[0] ?? '');
  assert.deepEqual(
    named.filter((flag) => !known.includes(flag)),
    [],
  );
});

test('deploy: example DaemonSet → opted in as OpenYurt documents it', () => {
  const daemonSet = readYaml('deploy/examples/daemonset.yaml');
  assert.equal(daemonSet.at('kind').text(), 'DaemonSet');
  assert.equal(daemonSet.at('spec', 'updateStrategy', 'type').text(), 'OnDelete');
  assert.deepEqual(daemonSet.at('metadata', 'annotations').value, {
    'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
    'apps.openyurt.io/max-unavailable': '30%',
  });
  const selected = daemonSet.at('spec', 'selector', 'matchLabels').value;
  assert.deepEqual(daemonSet.at('spec', 'template', 'metadata', 'labels').value, selected);
});
