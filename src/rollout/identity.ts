import type { DaemonSetKey } from '../protocol/slot.ts';

export interface RolloutIdentity {
  readonly key: DaemonSetKey;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}
