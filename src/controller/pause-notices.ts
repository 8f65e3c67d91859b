import { PAUSED_ANNOTATION } from '../kube/annotations.ts';
import type { DaemonSetKey } from '../protocol/slot.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { REASONS, type Statement } from './statements.ts';

interface Pausable {
  readonly key: DaemonSetKey;
  readonly hasSynced: boolean;
  readonly rollout: Pick<Rollout, 'counts'>;
}

/** What is said about rollouts that their DaemonSets hold: once when one begins to be held, and once when it goes on. */
export class PauseNotices {
  readonly #paused = new Set<DaemonSetKey>();

  /** What the leader has to say now; not before it is known what waits. */
  next({ key, hasSynced, rollout }: Pausable): Statement | undefined {
    const { isPaused, waiting, inFlight } = rollout.counts();
    if (isPaused === this.#paused.has(key) || !hasSynced) return undefined;
    const fields = { waiting, inFlight };
    if (!isPaused) {
      this.#paused.delete(key);
      return { level: 'info', reason: REASONS.resumed, message: 'not paused any more; it goes on', fields };
    }
    this.#paused.add(key);
    // Without numbers: whoever takes over says it again, as the same event.
    const message = `paused by the annotation ${PAUSED_ANNOTATION}: what is in flight is settled, nothing new begins`;
    return { level: 'info', reason: REASONS.paused, message, fields };
  }

  forget(key: DaemonSetKey): void {
    this.#paused.delete(key);
  }
}
