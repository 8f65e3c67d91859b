import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { podSource } from '../../src/cache/resources.ts';
import { parseControllerRevision } from '../../src/client/json/controller-revision.ts';
import { parseDaemonSet } from '../../src/client/json/daemon-set.ts';
import { parseNode } from '../../src/client/json/node.ts';
import { parsePod } from '../../src/client/json/pod.ts';
import { EventCorrelator } from '../../src/events/event-correlator.ts';
import { eventObject } from '../../src/events/event-object.ts';
import { parseUpdatePolicy } from '../../src/kube/annotations.ts';
import { oneLine } from '../../src/kube/one-line.ts';
import { createLogger } from '../../src/manager/logging.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { deletePodRequest } from '../client/pod-requests.ts';

/** What ends a line, drives a terminal, or turns text around. */
const EVIL = [
  '\n',
  '\r',
  '\0',
  '\x1b[2J',
  '\x1b]0;title\x07',
  '\u009b31m',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u2066',
  '\x7f',
  '\x08',
];
const CONTROLS = /[\p{Cc}\u2028-\u202e\u2066-\u2069\u200e\u200f]/u;
const evilText = fc
  .array(fc.oneof(fc.constantFrom(...EVIL), fc.string({ unit: 'binary', maxLength: 8 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

const metadata = {
  namespace: 'ns',
  name: 'name',
  uid: 'u',
  resourceVersion: '1',
  labels: { 'controller-revision-hash': 'h' },
};

const PARSERS = [
  ['pod', (object: object) => parsePod(object)],
  ['node', (object: object) => parseNode(object)],
  ['DaemonSet', (object: object) => parseDaemonSet(object)],
  ['ControllerRevision', (object: object) => parseControllerRevision(object)],
] as const;

for (const [kind, parse] of PARSERS) {
  test(`names: ${kind} with line ends, escapes, unicode, slashes or dots for a name → refused, the message is one clean line`, () => {
    for (const name of [...EVIL.map((evil) => `a${evil}b`), 'ä', 'a b', 'a/b', '..', '.', '名前', 'a\u200bb', '']) {
      for (const field of ['name', ...(kind === 'node' ? [] : ['namespace'])]) {
        const result = parse({ metadata: { ...metadata, [field]: name }, spec: { template: { spec: {} } } });
        assert.equal(result.ok, false, JSON.stringify(name));
        if (!result.ok) assert.doesNotMatch(result.message, CONTROLS);
      }
    }
    assert.equal(parse({ metadata, spec: { template: { spec: {} } }, revision: 1 }).ok, true);
  });
}

test('names: any text as the name or node of a pod → refused, or safe in a key, a path and a line', () => {
  fc.assert(
    fc.property(fc.oneof(evilText, fc.string()), fc.oneof(fc.constant('n1'), evilText), (name, nodeName) => {
      const result = parsePod({ metadata: { ...metadata, name }, spec: { nodeName } });
      if (!result.ok) {
        assert.doesNotMatch(result.message, CONTROLS);
        return;
      }
      assert.match(`${result.record.name} ${result.record.nodeName}`, /^[!-.0-~]+ [!-.0-~]*$/);
      const { path } = deletePodRequest({ namespace: 'ns', name, uid: 'u', timeoutMs: 1 });
      assert.equal(new URL(path, 'http://api').pathname, path, 'nothing is resolved');
      assert.match(path, /^\/api\/v1\/namespaces\/ns\/pods\/[^/?#\s]+$/);
    }),
  );
});

test('requests: any resourceVersion and continue token → one query value each', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (version, token) => {
      const request = podSource({ namespace: '', labelSelector: '' }).list({
        limit: 5,
        continueToken: token,
        resourceVersion: version,
        timeoutMs: 1,
      });
      assert.equal(request.query?.resourceVersion, version);
      assert.equal(request.query?.continue, token);
      assert.equal(request.path, '/api/v1/pods');
    }),
  );
});

test('trouble: any reasons from a kubelet → short, on one line', () => {
  fc.assert(
    fc.property(evilText, evilText, (reason, phase) => {
      const waiting = { state: { waiting: { reason: reason.repeat(20) } } };
      const conditions = [{ type: 'PodScheduled', status: 'False', reason }];
      for (const status of [{ containerStatuses: [waiting] }, { conditions }, { phase: 'Failed', reason }, { phase }]) {
        const result = parsePod({ metadata, spec: { nodeName: 'n1' }, status });
        assert.ok(result.ok);
        const { trouble = '' } = result.record;
        assert.ok(trouble.length <= 128);
        assert.doesNotMatch(trouble, CONTROLS);
      }
    }),
  );
});

test('annotations: any keys and values → a policy within its ranges or a refusal, with clean short messages', () => {
  const names = ['update-strategy', 'max-unavailable'].map((name) => `apps.openyurt.io/${name}`);
  names.push(
    ...['pace', 'progress-deadline-seconds', 'force-delete-stuck'].map((name) => `daemonpodupdater.io/${name}`),
  );
  const key = fc.oneof(fc.constantFrom(...names, '__proto__', 'constructor'), fc.string());
  const likely = fc.constantFrom(
    'OTA',
    'AdvancedRollingUpdate',
    '10%',
    '-5',
    '1e3',
    '0',
    '101%',
    'true',
    'max',
    '9'.repeat(400),
  );
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.oneof(likely, evilText)),
      fc.constantFrom('OnDelete', 'RollingUpdate', '\x1b[2J'),
      (others, updateStrategyType) => {
        for (const strategy of ['AdvancedRollingUpdate', others['apps.openyurt.io/update-strategy'] ?? 'OTA']) {
          const annotations: Record<string, string> = { ...others, 'apps.openyurt.io/update-strategy': strategy };
          const result = parseUpdatePolicy({ annotations, updateStrategyType });
          if (result.kind === 'refused') assert.doesNotMatch(result.message, CONTROLS);
          if (result.kind === 'refused') assert.ok(result.message.length < 300);
          if (result.kind !== 'policy') continue;
          const { maxUnavailable, progressDeadlineSeconds, isForceDeleteStuck } = result.policy;
          assert.ok(Number.isSafeInteger(maxUnavailable.value) && maxUnavailable.value > 0);
          assert.ok(progressDeadlineSeconds >= 1 && progressDeadlineSeconds <= 30 * 24 * 3600);
          assert.equal(isForceDeleteStuck, annotations['daemonpodupdater.io/force-delete-stuck'] === 'true');
          for (const { message, value } of result.problems) {
            assert.ok(message.length < 300 && value.length < 300);
            assert.doesNotMatch(message + value, CONTROLS);
          }
        }
      },
    ),
  );
});

for (const format of ['json', 'pretty'] as const) {
  test(`logs, ${format}: any text in any field → one line each, nothing that drives a terminal`, () => {
    const lines: string[] = [];
    const logger = createLogger({
      level: 'debug',
      format,
      hasColor: false,
      stream: { write: (line) => lines.push(line) },
    });
    fc.assert(
      fc.property(evilText, evilText, (value, key) => {
        lines.length = 0;
        logger.log('warn', 'write not confirmed', { node: value, [`x${key}`]: value });
        const text = lines.join('');
        assert.ok(text.endsWith('\n'));
        assert.doesNotMatch(text.slice(0, -1), CONTROLS);
        if (format === 'json') assert.equal((JSON.parse(text) as { node: string }).node, value.toWellFormed());
      }),
    );
  });
}

test('events: any message and reason → a note of at most 1,024 bytes on one line', () => {
  const correlator = new EventCorrelator({ random: () => 0.5 });
  let nowMs = 0;
  fc.assert(
    fc.property(evilText, fc.integer({ min: 1, max: 400 }), (text, times) => {
      nowMs += 3_600_000;
      const daemonSet = daemonSetKey('ns', 'agent');
      const event = {
        daemonSet,
        uid: 'u',
        type: 'Warning',
        reason: 'NodeUpdateFailed',
        action: 'Update',
        message: text.repeat(times),
      } as const;
      const effect = correlator.record(event, nowMs).find(({ type }) => type === 'create');
      assert.ok(effect?.type === 'create');
      const { note } = eventObject(effect, { controller: 'c', instance: 'i' }) as { note: string };
      assert.ok(Buffer.byteLength(note) <= 1024);
      assert.doesNotMatch(note, CONTROLS);
    }),
  );
});

test('one line: any text → no longer, no controls, and again the same', () => {
  fc.assert(
    fc.property(evilText, fc.nat(50), (text, max) => {
      const line = oneLine(text, max);
      assert.ok(line.length <= max);
      assert.doesNotMatch(line, CONTROLS);
      assert.equal(oneLine(line, max), line);
    }),
  );
});
