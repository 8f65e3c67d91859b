import type { DaemonSetObject } from '../../src/simulator/objects.ts';
import { annotate, anyDaemonSet, type Happening, isThere, type Scene } from './scene.ts';
import { pick } from './spec.ts';

const PAUSED = 'daemonpodupdater.io/paused';

/** Users hold a rollout, with a value that nobody understands too, and let it go on; even when nothing goes wrong any more. */
export const HOLD: Happening = {
  kind: 'hold',
  everyMs: 20_000,
  act: (scene) => {
    const daemonSet = anyDaemonSet(scene);
    if (daemonSet === undefined) return;
    annotate(scene, daemonSet, PAUSED, pick(scene.random, ['true', 'true', 'yes']));
    const holdMs = 500 + 25_000 * scene.random();
    const end = pick(scene.random, [undefined, 'false']);
    scene.cluster.timeline.after(holdMs, () => letGo(scene, daemonSet, end));
  },
};

/** One that is being made anew comes back as it was. */
function letGo(scene: Scene, daemonSet: DaemonSetObject, value: string | undefined): void {
  if (isThere(scene, daemonSet)) annotate(scene, daemonSet, PAUSED, value);
  else scene.cluster.timeline.after(1000, () => letGo(scene, daemonSet, value));
}

/** Whether the DaemonSet asks that nothing new begins. */
export function isHeld({ metadata }: DaemonSetObject): boolean {
  const value = metadata.annotations?.[PAUSED];
  return value !== undefined && value !== 'false';
}
