import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiCalls } from '../../src/client/requests.ts';
import type { ApiCall } from '../../src/kube/api-call.ts';
import { DEFAULT_LEADER_ELECT, DEPLOYED_NAMESPACE } from '../../src/manager/options.ts';
import { noteName } from '../../src/status/note-object.ts';
import { baseObject, readManifests, readYaml, type Yaml } from './manifests.ts';

/** `delete pods` or `patch pods/status in apps`, one line a permission. */
function permission(verb: string, resource: string, apiGroup: string): string {
  return apiGroup === '' ? `${verb} ${resource}` : `${verb} ${resource} in ${apiGroup}`;
}

function granted(role: Yaml): readonly string[] {
  return role
    .at('rules')
    .items()
    .flatMap((rule) =>
      rule
        .at('apiGroups')
        .strings()
        .flatMap((group) =>
          rule
            .at('resources')
            .strings()
            .flatMap((resource) =>
              rule
                .at('verbs')
                .strings()
                .map((verb) => permission(verb, resource, group)),
            ),
        ),
    );
}

/** What the client calls, each permission once. */
function called(isInScope: (scope: ApiCall['scope']) => boolean): readonly string[] {
  const permissions = apiCalls
    .filter((call) => isInScope(call.scope))
    .map(({ verb, apiGroup, resource, subresource }) =>
      permission(verb, subresource === undefined ? resource : `${resource}/${subresource}`, apiGroup),
    );
  return [...new Set(permissions)].sort();
}

test('rbac: permissions over the whole cluster → exactly what the client can call there', () => {
  const permissions = granted(baseObject('ClusterRole'));
  assert.deepEqual(
    [...permissions].sort(),
    called((scope) => scope === 'cluster' || scope === 'namespaced'),
  );
});

test('rbac: permissions in the own namespace → exactly what the client can call only there', () => {
  const everywhere = granted(baseObject('ClusterRole'));
  const permissions = granted(baseObject('Role'));
  assert.deepEqual(
    [...permissions].sort(),
    called((scope) => scope === 'own-namespace').filter((one) => !everywhere.includes(one)),
  );
});

/** The one object of a resource that the program needs. */
const OWN_NAMES: Readonly<Record<string, string>> = {
  leases: DEFAULT_LEADER_ELECT.resourceName,
  configmaps: noteName(DEFAULT_LEADER_ELECT.resourceName),
};

/** `leases daemonpodupdater`: the names that each rule is for. */
function namedBy(role: Yaml): readonly unknown[] {
  const rules = role.at('rules').items();
  return rules.map((rule) => [...rule.at('resources').strings(), ...(rule.at('resourceNames').value as string[])]);
}

test('rbac: lease and ConfigMap → only those of this program, where the API server can tell', () => {
  for (const rule of baseObject('Role').at('rules').items()) {
    const isCreate = rule.at('verbs').strings().includes('create');
    const names = rule
      .at('resources')
      .strings()
      .map((resource) => OWN_NAMES[resource]);
    assert.deepEqual(rule.at('resourceNames').value, isCreate ? undefined : names);
  }
});

test('rbac: viewer example → what status and plan read, lease included, and nothing else', () => {
  const viewer = (kind: string) => {
    const found = readManifests('deploy/examples').filter(({ yaml }) => yaml.at('kind').text() === kind);
    const [only, ...others] = found;
    assert.ok(only !== undefined && others.length === 0, `${found.length} objects ${kind}`);
    return only.yaml;
  };
  const reads = called((scope) => scope === 'cluster' || scope === 'namespaced').filter((one) =>
    /^(?:list|watch) /.test(one),
  );
  assert.deepEqual([...granted(viewer('ClusterRole'))].sort(), reads);
  const role = viewer('Role');
  assert.deepEqual(granted(role), ['get leases in coordination.k8s.io', 'get configmaps']);
  assert.deepEqual(namedBy(role), Object.entries(OWN_NAMES));
  assert.equal(role.at('metadata', 'namespace').text(), DEPLOYED_NAMESPACE);
});

test('rbac: namespace of deploy/base → where status looks for the lease first', () => {
  assert.equal(readYaml('deploy/base/kustomization.yaml').at('namespace').text(), DEPLOYED_NAMESPACE);
});

test('rbac: wildcards → none', () => {
  for (const { file, yaml } of readManifests('deploy/base')) {
    for (const rule of yaml.at('rules').items()) {
      for (const field of ['apiGroups', 'resources', 'verbs']) {
        assert.ok(!rule.at(field).strings().includes('*'), `${file} has '*' in ${field}`);
      }
    }
  }
});

for (const [binding, role] of [
  ['ClusterRoleBinding', 'ClusterRole'],
  ['RoleBinding', 'Role'],
] as const) {
  test(`rbac: ${binding} → joins the ${role} to the Deployment's service account and nobody else`, () => {
    const object = baseObject(binding);
    assert.equal(object.at('roleRef', 'kind').text(), role);
    assert.equal(object.at('roleRef', 'name').text(), baseObject(role).at('metadata', 'name').text());
    const account = baseObject('ServiceAccount').at('metadata');
    assert.deepEqual(object.at('subjects').value, [
      { kind: 'ServiceAccount', name: account.at('name').text(), namespace: account.at('namespace').text() },
    ]);
    const pod = baseObject('Deployment').at('spec', 'template', 'spec');
    assert.equal(pod.at('serviceAccountName').text(), account.at('name').text());
  });
}
