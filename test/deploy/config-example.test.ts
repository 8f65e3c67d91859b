import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownPod } from '../../src/manager/own-pod.ts';
import { parseConfig } from '../../src/manager/settings/config-file.ts';
import { baseObject, readYaml } from './manifests.ts';

const FOLDER = 'deploy/examples/config';
const container = baseObject('Deployment').at('spec', 'template', 'spec', 'containers', 0);

test('deploy: config example → a file that the program takes, where the flag says it is', () => {
  const configMap = readYaml(`${FOLDER}/config-map.yaml`);
  const patch = readYaml(`${FOLDER}/deployment-patch.yaml`);
  const [file = ''] = Object.keys(configMap.at('data').value as object);
  assert.deepEqual(parseConfig(configMap.at('data', file).text(), file), { ok: true, value: { workers: 'auto' } });
  const mount = patch.at(1, 'value', 0);
  assert.equal(patch.at(0, 'value').text(), `--config=${mount.at('mountPath').text()}/${file}`);
  assert.equal(mount.at('subPath').value, undefined);
  const volume = patch.at(2, 'value', 0);
  assert.equal(volume.at('name').text(), mount.at('name').text());
  assert.equal(volume.at('configMap', 'name').text(), configMap.at('metadata', 'name').text());
  assert.equal(
    configMap.at('metadata', 'namespace').text(),
    baseObject('Deployment').at('metadata', 'namespace').text(),
  );
});

test('deploy: config example → the places that the patch names are there, and no flag overrules the file', () => {
  assert.deepEqual(readYaml(`${FOLDER}/kustomization.yaml`).at('resources').strings(), [
    '../../base',
    'config-map.yaml',
  ]);
  assert.ok(container.at('args').strings().length > 0);
  assert.equal(container.at('volumeMounts').value, undefined);
  assert.deepEqual(
    container
      .at('args')
      .strings()
      .filter((arg) => arg.includes('workers')),
    [],
  );
});

test('deploy: environment → the program knows its own pod', () => {
  const environment = Object.fromEntries(
    container
      .at('env')
      .items()
      .map((variable) => [
        variable.at('name').text(),
        variable.at('valueFrom', 'fieldRef', 'fieldPath').text().replace('metadata.', ''),
      ]),
  );
  assert.deepEqual(ownPod(environment), { key: 'namespace/name', uid: 'uid' });
  assert.equal(ownPod({}), undefined);
});
