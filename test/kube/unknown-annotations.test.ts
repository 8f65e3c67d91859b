import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KNOWN_ANNOTATIONS } from '../../src/kube/annotations.ts';
import { unknownAnnotations } from '../../src/kube/unknown-annotations.ts';

const OWN = 'daemonpodupdater.io';
const YURT = 'apps.openyurt.io';

function messages(...names: string[]): string[] {
  const annotations = Object.fromEntries(names.map((name) => [name, 'true']));
  return unknownAnnotations(Object.freeze(annotations)).map(({ annotation, message }) => `${annotation}: ${message}`);
}

const SLIPS = [
  [`${OWN}/pause`, `${OWN}/paused`],
  [`${OWN}/puased`, `${OWN}/paused`],
  [`${OWN}/Paused`, `${OWN}/paused`],
  [`${OWN}/PAUSE`, `${OWN}/paused`],
  ['DaemonPodUpdater.io/paused', `${OWN}/paused`],
  ['daemonpodupdater.com/paused', `${OWN}/paused`],
  ['daemonpodupdaters.io/pace', `${OWN}/pace`],
  [`${OWN}/peace`, `${OWN}/pace`],
  [`${OWN}/progress-deadline`, `${OWN}/progress-deadline-seconds`],
  [`${OWN}/progress_deadline_seconds`, `${OWN}/progress-deadline-seconds`],
  [`${OWN}/force-delete`, `${OWN}/force-delete-stuck`],
  [`${OWN}/max-unavailable`, `${YURT}/max-unavailable`],
  [`${OWN}/update-strategy`, `${YURT}/update-strategy`],
  [`${YURT}/update-stategy`, `${YURT}/update-strategy`],
  [`${YURT}/updateStrategy`, `${YURT}/update-strategy`],
  [`${YURT}/max-unavailabe`, `${YURT}/max-unavailable`],
  [`${YURT}/maxUnavailable`, `${YURT}/max-unavailable`],
  [`${YURT}/paused`, `${OWN}/paused`],
  ['app.openyurt.io/max-unavailable', `${YURT}/max-unavailable`],
  ['apps.openyurt.com/update-strategy', `${YURT}/update-strategy`],
] as const;

for (const [written, meant] of SLIPS) {
  test(`trust 10: annotation ${written} → not known, did you mean ${meant}?`, () => {
    assert.deepEqual(messages(written), [`${written}: it is not known and has no effect; did you mean ${meant}?`]);
  });
}

test('trust 10: an annotation of ours that is like none → the nearest one is named all the same', () => {
  const [told = '', ...others] = messages(`${OWN}/owner-of-this`);
  assert.match(
    told,
    /^daemonpodupdater.io\/owner-of-this: it is not known and has no effect; the nearest .* is \S+\/\S+$/,
  );
  assert.deepEqual(others, []);
});

test('trust 10: what is known, and what is of others → not a word', () => {
  const others = [
    ...[
      'deprecated.daemonset.template.generation',
      'kubectl.kubernetes.io/last-applied-configuration',
      'max-unavailable',
    ],
    ...['app.kubernetes.io/paused', `test.${OWN}/pause`, `x${OWN}`, OWN, '', '/', '__proto__', 'constructor'],
    ...[`${YURT}/name`, `${YURT}/nodepool`, `${YURT}/pool-name`, `${YURT}/binding`, 'apps.kruise.io/paused'],
  ];
  assert.deepEqual(messages(...KNOWN_ANNOTATIONS, ...others), []);
});

test('trust 10: thousands of them → five are named and the others counted', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `${OWN}/${index}`);
  const foreign = Array.from({ length: 20_000 }, (_, index) => `app.openyurt.io/max-unavailabl${index}`);
  const told = messages(...names, ...foreign);
  assert.equal(told.length, 6);
  assert.match(told.at(-1) ?? '', /^daemonpodupdater.io\/…: \d{5} more are not known and have no effect$/);
});

test('trust 10: names and values that are long or drive a terminal → short and harmless', () => {
  const annotations = {
    [`${OWN}/${'x'.repeat(200_000)}`]: 'y'.repeat(200_000),
    [`${OWN}/\u001b[2J\npaused`]: '\u0000\n',
  };
  for (const problem of unknownAnnotations(annotations)) {
    const text = JSON.stringify(problem);
    assert.ok(text.length < 500, text);
    assert.doesNotMatch(text, /\\u00|\\n/);
  }
});
