import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type DaemonSetOptions, listPods } from '../control-plane/cluster.ts';
import { isReady } from '../control-plane/pod-facts.ts';
import { withSubject } from '../e2e/fixture.ts';
import { describeOnRealNodes, ROLLING } from './fixture.ts';
import { EXIT_CODE, EXITS_IMAGE, MISSING_IMAGE, POLITE_IMAGES } from './images.ts';
import { deletedPods } from './replacements.ts';
import { statusOnce, untilEvent } from './told.ts';

const TIMEOUT_MS = 120_000;
/** How long nothing may happen before "nothing happens" is believed. */
const QUIET_MS = 3_000;
const [OLD, NEW] = POLITE_IMAGES;
/** When it is over, a container that ends by itself waits to be started for the third time. */
const QUICK = { ...ROLLING, 'daemonpodupdater.io/progress-deadline-seconds': '8' };

interface Row {
  readonly what: string;
  readonly name: string;
  readonly image: string;
  readonly options?: Partial<DaemonSetOptions>;
  readonly cause: string;
  /** In the kubelet's words. */
  readonly words: RegExp;
}

const rows: readonly Row[] = [
  {
    what: 'an image that does not exist and may not be pulled',
    name: 'never-pulled',
    image: MISSING_IMAGE,
    options: { imagePullPolicy: 'Never' },
    cause: 'image-pull',
    words: /ErrImageNeverPull/,
  },
  {
    what: 'an image that cannot be pulled',
    name: 'not-pulled',
    image: MISSING_IMAGE,
    cause: 'image-pull',
    words: /ErrImagePull|ImagePullBackOff/,
  },
  {
    what: 'a container that exits after it has been Ready',
    name: 'exits',
    image: EXITS_IMAGE,
    options: { minReadySeconds: 4 },
    cause: 'crash-loop',
    words: new RegExp(`exit code ${EXIT_CODE}`),
  },
];

await describeOnRealNodes('versions that do not work, on real nodes', (real) => {
  for (const { what, name, image, options, cause, words } of rows) {
    it(`trust D: ${what} → failed on one node, the other is left alone; a better version goes to the failed node first`, async () => {
      const { cluster } = real();
      const { plane } = cluster;
      const subject = { name, annotations: QUICK, image: OLD, ...options };
      await withSubject(cluster, subject, async ({ observer, change }) => {
        const before = await listPods(plane.admin, { name });
        observer.begin();
        await change(image);
        const told = await statusOnce(plane, name, ({ daemonSet }) => daemonSet.leader?.failures[cause] === 1);
        assert.deepEqual(told.daemonSet.leader?.failures, { [cause]: 1 });
        assert.deepEqual([told.daemonSet.unavailable, told.daemonSet.allowed], [1, 1]);
        assert.ok(
          told.warnings.some((warning) => warning.includes(`1 ${cause}`)),
          told.warnings.join('\n'),
        );
        await untilEvent(plane, name, new RegExp(`^NodeUpdateFailed: 1 node failed: .*${words.source}`));

        await delay(QUIET_MS);
        await observer.settle();
        assert.deepEqual([observer.report.deletedPods, observer.report.unavailablePeak], [1, 1]);
        const pods = await listPods(plane.admin, { name });
        const untouched = pods.filter(({ metadata }) => before.some((old) => old.metadata.uid === metadata.uid));
        assert.deepEqual(
          untouched.map(({ status }) => isReady(status?.conditions)),
          [true],
        );
        const broken = pods.find((pod) => !untouched.includes(pod));

        const report = await observer.complete(await change(NEW), TIMEOUT_MS);
        assert.deepEqual([report.updatedNodes, report.deletedPods, report.deletedCurrentPods], [2, 3, 0]);
        assert.equal(report.unavailablePeak, 1);
        const deleted = await deletedPods(cluster, name, 3);
        assert.deepEqual(deleted.slice(1), [broken?.metadata.name, untouched[0]?.metadata.name]);
        await untilEvent(plane, name, /^RolloutCompleted: /);
      });
    });
  }
});
