import type { DaemonSetRecord, RevisionRecord } from '../kube/records.ts';
import type { DaemonSetKey } from '../protocol/slot.ts';
import type { ControllerPorts } from './ports.ts';

/** 1, 2, 4 … s between lists that show another template than the DaemonSet's. */
const RETRY_MIN_MS = 1000;
/** For so long it is a DaemonSet that changed again; after that, an API server and a controller manager of different versions. */
const DOUBT_MAX_MS = 60_000;
const NEVER = Number.POSITIVE_INFINITY;

/** The newest revision has another template than the DaemonSet, though both are as new as can be. */
interface Doubt {
  /** What was compared. */
  readonly key: string;
  readonly sinceMs: number;
  retries: number;
  /** When they are listed again. */
  dueMs: number;
}

export type CheckStep = 'list' | 'believed' | 'none';

/**
 * Whether the ControllerRevisions of one DaemonSet that have been read are those of its template. The DaemonSet controller writes
 * revisions before it writes that it has observed a generation; so a list of what is committed, begun after that was seen, has the
 * newest one. A watch has no such end: it may be late by minutes, and then every wanted pod is an old one after an undo. Pure.
 */
export class RevisionCheck {
  /** The generation that the last list was asked for; undefined: none was. */
  #askedFor: number | undefined = undefined;
  /** The generation whose list has come. */
  #readFor: number | undefined = undefined;
  #problem = '';
  #doubt: Doubt | undefined = undefined;
  /** Generation and template that the newest revision had: another one that is the newest later is so because that was taken away. */
  #matched = '';
  /** What was compared, found to differ, and is taken as it is. */
  #believed = '';

  /** Both are read from scratch, beginning now. */
  begin(daemonSet: DaemonSetRecord): void {
    this.#askedFor = isObserved(daemonSet) ? daemonSet.generation : undefined;
    this.#readFor = undefined;
    this.#doubt = undefined;
  }

  /** The list that was asked for last (or one that began after it) is there, and everything in it has been told. */
  onRead(): void {
    this.#readFor = this.#askedFor;
    this.#problem = '';
  }

  /** It failed, and is tried again. */
  onProblem(message: string): void {
    this.#problem = message;
  }

  /** What is to be done now: a list for each change of generation, and more only while its templates differ. */
  look(daemonSet: DaemonSetRecord, newest: RevisionRecord | undefined, nowMs: number): CheckStep {
    const { generation } = daemonSet;
    if (!isObserved(daemonSet)) return 'none';
    if (this.#askedFor !== generation) {
      this.#askedFor = generation;
      return 'list';
    }
    if (this.#readFor !== generation) return 'none';
    const key = differenceOf(daemonSet, newest);
    if (key === '' && newest !== undefined) this.#matched = wantedBy(daemonSet);
    if (key === '' || key === this.#believed) {
      this.#doubt = undefined;
      return 'none';
    }
    if (this.#doubt?.key !== key) {
      this.#doubt = { key, sinceMs: nowMs, retries: 0, dueMs: nowMs + RETRY_MIN_MS };
      return 'none';
    }
    return this.#askAgain(this.#doubt, { isTakenAway: this.#matched === wantedBy(daemonSet), nowMs });
  }

  /** Why nothing may be selected; undefined: they are those of the DaemonSet's template, as far as can be told. */
  problem({ generation, observedGeneration }: DaemonSetRecord): string | undefined {
    if (observedGeneration < generation) return undefined;
    if (this.#doubt !== undefined) return 'the newest ControllerRevision has another template than the DaemonSet';
    if (this.#readFor === generation) return undefined;
    const message = `its ControllerRevisions have not been read since generation ${generation} was observed`;
    return this.#problem === '' ? message : `${message}: ${this.#problem}`;
  }

  /** When it is to be looked at though nothing happens. */
  get wakeMs(): number {
    return this.#doubt !== undefined && this.#readFor === this.#askedFor ? this.#doubt.dueMs : NEVER;
  }

  #askAgain(
    doubt: Doubt,
    { isTakenAway, nowMs }: { readonly isTakenAway: boolean; readonly nowMs: number },
  ): CheckStep {
    // Listed when the time was over, and still so.
    if (doubt.dueMs === NEVER) {
      this.#believed = doubt.key;
      this.#doubt = undefined;
      return 'believed';
    }
    if (nowMs < doubt.dueMs) return 'none';
    doubt.retries += 1;
    const isOver = nowMs - doubt.sinceMs >= DOUBT_MAX_MS;
    const retryMs = Math.min(DOUBT_MAX_MS, RETRY_MIN_MS * 2 ** doubt.retries);
    doubt.dueMs = isOver && !isTakenAway ? NEVER : nowMs + retryMs;
    this.#readFor = undefined;
    return 'list';
  }
}

/** For the log, of a standby too: it decides the same when it leads. */
export function believedLine(
  daemonSet: DaemonSetKey,
  newest: RevisionRecord | undefined,
): Parameters<ControllerPorts['log']> {
  const message = 'the newest ControllerRevision is taken for the template, though they have differed for a minute';
  const { name = '', revision = 0 } = newest ?? {};
  return ['warn', message, { daemonSet, revision: name, number: revision }];
}

function isObserved({ generation, observedGeneration }: DaemonSetRecord): boolean {
  return observedGeneration >= generation;
}

function wantedBy({ generation, templateDigest }: DaemonSetRecord): string {
  return `${generation} ${templateDigest}`;
}

/** '' when the newest revision has the DaemonSet's template, or there is none. */
function differenceOf(daemonSet: DaemonSetRecord, newest: RevisionRecord | undefined): string {
  if (newest === undefined) return '';
  const { generation, templateDigest: wanted } = daemonSet;
  const { uid, revision, templateDigest: found } = newest;
  return wanted !== '' && wanted === found ? '' : `${generation} ${wanted} ${uid} ${revision} ${found}`;
}
