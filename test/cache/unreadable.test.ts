import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delta } from '../../src/cache/delta.ts';
import { ReflectorMachine } from '../../src/cache/reflector-machine.ts';
import { daemonSetSource, nodeSource, revisionSource } from '../../src/cache/resources.ts';
import type { DaemonSetRecord, ObjectRecord } from '../../src/kube/records.ts';
import { eventually } from '../client/local-server.ts';
import { frame, listBytes, message, text } from '../client/protobuf-encoder.ts';
import { Driver, failure, type Thing, thing } from './reflector-machine-driver.ts';
import { answer, PODS, pod, setUp } from './reflector-setup.ts';

function told({ type, object }: Delta<ObjectRecord>): string {
  return `${type} ${object.name}@${object.resourceVersion}${object.unreadable === undefined ? '' : ' unreadable'}`;
}

interface Changes {
  readonly annotations?: unknown;
}

function daemonSet(name: string, resourceVersion: string, { annotations = {} }: Changes = {}): object {
  const metadata = { name, namespace: 'edge', uid: `uid-${name}`, resourceVersion, generation: 1, annotations };
  return { kind: 'DaemonSet', apiVersion: 'apps/v1', metadata, spec: { selector: {}, template: { spec: {} } } };
}

const BAD = { annotations: 7 };
const list = (items: readonly object[], resourceVersion: string) =>
  JSON.stringify({ metadata: { resourceVersion }, items });
const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;

async function daemonSets(t: Parameters<typeof setUp>[0], body: string) {
  const setup = await setUp<DaemonSetRecord>(t, daemonSetSource({ namespace: '' }), (_query, response) => {
    response.setHeader('content-type', 'application/json').end(body);
  });
  await eventually('watching', () => setup.watches.length === 1);
  const writes = async (line: string, count: number): Promise<string[]> => {
    setup.watches.at(-1)?.write(line);
    await eventually(`${count} deltas`, () => setup.deltas.length >= count);
    return setup.deltas.map(told);
  };
  return { ...setup, writes };
}

test('unreadable: a change of a DaemonSet, then one that is as it was before → told as out of date, then as current', async (t) => {
  const { writes, deltas, problems, reflector } = await daemonSets(t, list([daemonSet('a', '1')], '10'));
  await writes(event('MODIFIED', daemonSet('a', '11', BAD)), 2);
  assert.match(deltas[1]?.object.unreadable ?? '', /^daemonset edge\/a: metadata.annotations is not an object$/);
  assert.equal(deltas[1]?.object.uid, 'uid-a');
  const seen = await writes(event('MODIFIED', daemonSet('a', '12')), 3);
  assert.deepEqual(seen, ['added a@1', 'modified a@ unreadable', 'modified a@12']);
  assert.equal(reflector.store.get('edge', 'a')?.unreadable, undefined);
  assert.deepEqual(
    problems.map(({ phase }) => phase),
    ['object'],
  );
});

test('unreadable: the end of a DaemonSet → gone', async (t) => {
  const { writes } = await daemonSets(t, list([daemonSet('a', '1')], '10'));
  assert.deepEqual(await writes(event('DELETED', daemonSet('a', '11', BAD)), 2), ['added a@1', 'deleted a@1']);
});

test('unreadable: in lists → out of date until a list has it as it was, never gone; one that never could be read is not there', () => {
  const source = daemonSetSource({ namespace: '' });
  const whatIsLeft = source.whatIsLeft.bind(source) as (...args: unknown[]) => Thing | undefined;
  const driver = new Driver({ whatIsLeft });
  driver.give({ type: 'start' });
  const unread = (name: string) => ({ message: 'too large', object: { namespace: 'ns', name } });
  const page = (items: Thing[], skipped: readonly string[]) =>
    driver.give({ type: 'page', items, skipped: skipped.map(unread), resourceVersion: '10', continueToken: '' })[0];
  const relist = (): void => {
    driver.nowMs += 60_000;
    driver.give({ type: 'watch-failed', failure: failure('gone') });
    driver.give({ type: 'woke' });
  };
  assert.equal(page([thing('a', '1')], ['never']), 'added a@1');
  relist();
  assert.equal(page([], ['a']), 'modified a@');
  assert.equal(driver.machine.store.get('ns', 'a')?.unreadable, 'too large');
  relist();
  assert.match(page([], ['a']) ?? '', /^watch/, 'nothing new');
  relist();
  assert.equal(page([thing('a', '1')], []), 'modified a@1');
  assert.equal(driver.machine.store.get('ns', 'a')?.unreadable, undefined);
  relist();
  assert.equal(page([], []), 'deleted a@1');
});

test('unreadable: a pod of 5 MiB, in a list and in an event → not there, and out of date; the others are read', async (t) => {
  const huge = Buffer.concat([pod('big', '11'), message(2, [text(999, 'x'.repeat(5 * 1024 * 1024))])]);
  const setup = await setUp(t, PODS, (_query, response) => {
    answer(response, listBytes('PodList', { items: [pod('a'), huge, pod('b')], resourceVersion: '10' }));
  });
  await eventually('watching', () => setup.watches.length === 1);
  setup.watches[0]?.write(frame('MODIFIED', 'Pod', pod('big', '11')));
  setup.watches[0]?.write(frame('MODIFIED', 'Pod', huge));
  setup.watches[0]?.write(frame('ADDED', 'Pod', pod('c', '13')));
  await eventually('all deltas', () => setup.deltas.length === 5);
  assert.deepEqual(setup.deltas.map(told), [
    'added a@1',
    'added b@1',
    'added big@11',
    'modified big@ unreadable',
    'added c@13',
  ]);
  assert.equal(setup.problems.length, 2);
  assert.match(setup.problems[0]?.message ?? '', /^object kube-system\/big has 52\d{5} bytes/);
});

test('unreadable: a node or a revision that never could be read → there, and nothing known of it; in many pages too', () => {
  for (const source of [nodeSource(), revisionSource({ namespace: 'edge', labelSelector: '' })]) {
    const whatIsLeft = source.whatIsLeft.bind(source) as (...args: unknown[]) => ObjectRecord | undefined;
    const machine = new ReflectorMachine<ObjectRecord>({ random: () => 0, whatIsLeft });
    machine.handle({ type: 'start' }, 0);
    const pages = Array.from({ length: 20 }, (_, index) => {
      const skipped = [{ message: 'too large', object: { namespace: 'edge', name: `n${index}` } }];
      const continueToken = index < 19 ? 'more' : '';
      return machine.handle(
        { type: 'page', request: index + 1, items: [], skipped, resourceVersion: '1', continueToken },
        0,
      );
    });
    assert.equal(pages.at(-1)?.at(-1)?.type, 'watch');
    assert.equal(machine.store.size, 20);
    const { uid, unreadable } = machine.store.get('edge', 'n7') ?? {};
    assert.deepEqual([uid, unreadable], ['', 'too large']);
  }
});
