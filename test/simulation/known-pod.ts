import type { PodObject } from '../../src/simulator/objects.ts';

export interface KnownPod {
  readonly pod: PodObject;
  readonly nodeName: string;
  /** When the process was told of it first. */
  readonly sinceMs: number;
  /** When the process was told, on its own clock; undefined while not Ready. */
  readonly readySinceMs: number | undefined;
  readonly wasReady: boolean;
  /** When the process was told that it is on its way out; undefined while it is not. */
  readonly leavingSinceMs: number | undefined;
  /** Seen before everything was there: the process may believe that it has been as it is for long. */
  readonly isHint: boolean;
  /** It cannot be read as it is now; `pod` is of before. */
  readonly isUnreadable: boolean;
}
