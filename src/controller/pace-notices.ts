import type { DaemonSetKey } from '../protocol/slot.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { LogFields } from './ports.ts';

/** Between two lines about a DaemonSet, however often its pace changes. */
const SAY_EVERY_MS = 30_000;
const LOOK_EVERY_MS = 1000;

interface Paced {
  readonly key: DaemonSetKey;
  readonly rollout: Pick<Rollout, 'replacementsInFlight' | 'counts' | 'pace'>;
}

interface Said {
  /** Of which revision's rollout what was said. */
  readonly state: string;
  /** Not looked at before. */
  lookMs: number;
}

/** What is logged of a pace: when it opens the window, holds it, or has stalled; not each of its steps, nor that nothing is in flight. */
export class PaceNotices {
  readonly #said = new Map<DaemonSetKey, Said>();

  /** The line that is due. */
  next({ key, rollout }: Paced, nowMs: number): LogFields | undefined {
    const said = this.#said.get(key);
    if ((said !== undefined && nowMs < said.lookMs) || rollout.replacementsInFlight === 0) return undefined;
    const { phase, window, ratePerSecond, reason } = rollout.pace(nowMs);
    const { targetHash, allowed } = rollout.counts();
    const state = `${targetHash} ${phase}`;
    if (phase === 'idle' || state === said?.state) {
      if (said !== undefined) said.lookMs = nowMs + LOOK_EVERY_MS;
      return undefined;
    }
    this.#said.set(key, { state, lookMs: nowMs + SAY_EVERY_MS });
    const perSecond = Number(ratePerSecond.toFixed(1));
    return { daemonSet: key, pace: phase, atOnce: window, allowed, replacedPerSecond: perSecond, detail: reason };
  }

  forget(key: DaemonSetKey): void {
    this.#said.delete(key);
  }
}
