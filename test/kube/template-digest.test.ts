import assert from 'node:assert/strict';
import { test } from 'node:test';
import { templateDigest } from '../../src/kube/template-digest.ts';

const TEMPLATE = {
  metadata: { labels: { app: 'agent' }, creationTimestamp: null },
  spec: {
    containers: [
      { name: 'main', image: 'agent:1', args: ['-v', '3'], resources: {}, env: [{ name: 'A', value: '1' }] },
    ],
    volumes: [{ name: 'tmp', emptyDir: {} }],
    terminationGracePeriodSeconds: 30,
    hostNetwork: false,
  },
};
type Template = typeof TEMPLATE;

const [container] = TEMPLATE.spec.containers;

const SAME: readonly { readonly name: string; readonly template: unknown }[] = [
  { name: 'itself', template: structuredClone(TEMPLATE) },
  { name: 'other order of fields', template: { spec: reversed(TEMPLATE.spec), metadata: TEMPLATE.metadata } },
  { name: 'the directive of a revision', template: { $patch: 'replace', ...TEMPLATE } },
  { name: 'no nulls', template: { ...TEMPLATE, metadata: { labels: { app: 'agent' } } } },
  {
    name: 'more that is empty',
    template: {
      ...TEMPLATE,
      status: {},
      spec: { ...TEMPLATE.spec, tolerations: [], securityContext: { a: null, b: {} } },
    },
  },
  { name: 'absent', template: { ...TEMPLATE, more: undefined } },
];

const OTHER: readonly { readonly name: string; readonly template: unknown }[] = [
  { name: 'image', template: withContainer({ image: 'agent:2' }) },
  { name: 'order of a list', template: withContainer({ args: ['3', '-v'] }) },
  { name: 'one item fewer', template: withContainer({ args: ['-v'] }) },
  { name: 'an empty text', template: withContainer({ env: [{ name: 'A', value: '' }] }) },
  { name: 'a number for a text', template: withContainer({ args: ['-v', 3] }) },
  { name: 'text that moved', template: withContainer({ args: ['-v3', ''] }) },
  { name: 'false for true', template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, hostNetwork: true } } },
  { name: 'zero', template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, terminationGracePeriodSeconds: 0 } } },
  { name: 'a label', template: { ...TEMPLATE, metadata: { labels: { app: 'agent', b: '' } } } },
  { name: 'a directive further in', template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, $patch: 'replace' } } },
];

test('trust 6: template digest: templates that say the same → the same', () => {
  assert.match(templateDigest(TEMPLATE), /^[0-9a-f]{16}$/);
  for (const { name, template } of SAME) assert.equal(templateDigest(template), templateDigest(TEMPLATE), name);
});

test('trust 6: template digest: templates that differ → all different', () => {
  const digests = [TEMPLATE, ...OTHER.map(({ template }) => template)].map((template) => templateDigest(template));
  assert.equal(new Set(digests).size, OTHER.length + 1, digests.join(' '));
});

test('trust 6: template digest: what is no template, or deeper than a stack → nothing to compare', () => {
  let deep: unknown = { image: 'a' };
  for (let depth = 0; depth < 200_000; depth += 1) deep = depth % 2 === 0 ? [deep] : { deep };
  for (const nothing of [undefined, null, '', 'text', 3, [], [TEMPLATE], {}, { $patch: 'replace' }, { spec: deep }]) {
    assert.equal(templateDigest(nothing), '');
  }
});

function withContainer(changes: object): Record<keyof Template, unknown> {
  return { ...TEMPLATE, spec: { ...TEMPLATE.spec, containers: [{ ...container, ...changes }] } };
}

function reversed(object: object): object {
  return Object.fromEntries(Object.entries(object).reverse());
}
