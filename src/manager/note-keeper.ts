import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { createConfigMapRequest, getConfigMapRequest, patchConfigMapRequest } from '../client/requests.ts';
import { apiErrorOfAnswer } from '../client/status-error.ts';
import { monotonicMs } from '../clock.ts';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import { logRepeated, RepeatedProblem } from '../controller/repeated-problem.ts';
import { essenceOf } from '../status/leader-note.ts';
import { decodeMemory, encodeMemory } from '../status/memory-note.ts';
import { noteData, noteName, parseNoteObject, type StoredNote } from '../status/note-object.ts';

/** What the leader tells and remembers beside its lease. */
export interface NoteContent {
  /** For `status` and `plan`. */
  readonly status: () => string;
  /** By DaemonSet UID, the one that changed last at the end. */
  readonly memories: () => ReadonlyMap<string, string>;
  /** What the leader before remembered; before anything is decided. */
  readonly remember: (memories: ReadonlyMap<string, string>) => void;
  /** Whether there is something to tell yet. */
  readonly isReady: () => boolean;
}

export interface NoteKeeperOptions {
  readonly content: NoteContent;
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly namespace: string;
  readonly leaseName: string;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
  /** Whether a write may leave now. */
  readonly mayWrite: () => boolean;
  readonly now?: () => number;
  /** Of the wall clock. */
  readonly wall?: () => number;
}

/** No two writes are closer than this. */
export const NOTE_EVERY_MS = 10_000;
/** How often it is looked whether something has changed. */
export const NOTE_LOOK_MS = 2_000;
/** A right that is missing is not granted within seconds. */
const REFUSED_WAIT_MS = 60_000;
const TIMEOUT_MS = 5_000;
const FLUSH_TIMEOUT_MS = 1_000;
/** Without what the leader before remembered nothing is decided for so long, if it cannot be read; the lease, beside it, could be. */
const TAKE_OVER_MS = 30_000;
const TAKE_OVER_RETRY_MS = 1_000;

/** `missing`: there is no such object yet; `refused`: not as things are; `failed`: perhaps at the next attempt. */
type Known = StoredNote | 'missing';
type Ended = 'done' | 'conflict' | 'missing' | 'refused' | 'failed';

/**
 * Keeps what the leader tells and remembers in a ConfigMap, beside the lease and in requests of its own: whatever becomes of
 * them, the lease is not concerned. Written only when it changed; each write is bound to the resourceVersion that is known,
 * so that one of a leader that has been followed by another is refused.
 */
export class NoteKeeper {
  readonly #options: NoteKeeperOptions;
  readonly #now: () => number;
  readonly #wall: () => number;
  readonly #name: string;
  readonly #reading = new RepeatedProblem();
  readonly #writing = new RepeatedProblem();
  readonly #making = new RepeatedProblem();
  readonly #dropping = new RepeatedProblem();
  /** Counts the times that it began or ceased to lead. */
  #term = 0;
  #isLeading = false;
  /** Undefined: has to be read. */
  #known: { readonly resourceVersion: string } | 'missing' | undefined;
  /** What was written; undefined: not by this leader. */
  #essence: string | undefined;
  #memory = '';
  #isBusy = false;
  #writingNow: Promise<void> = Promise.resolve();
  #nextMs = 0;
  /** It begins to tell then, ready or not. */
  #tellsFromMs = 0;

  constructor(options: NoteKeeperOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicMs;
    this.#wall = options.wall ?? Date.now;
    this.#name = noteName(options.leaseName);
  }

  /** Reads what the leader before left. Resolves when that is known, is not to be had, or this process leads no more: then false. */
  async takeOver(): Promise<boolean> {
    this.#term += 1;
    this.#isLeading = true;
    this.#known = undefined;
    this.#essence = undefined;
    const term = this.#term;
    const fromMs = this.#now();
    this.#tellsFromMs = fromMs + NOTE_EVERY_MS;
    for (;;) {
      const known = await this.#read(TIMEOUT_MS);
      if (term !== this.#term) return false;
      if (known !== 'failed' || this.#now() - fromMs >= TAKE_OVER_MS) {
        if (typeof known === 'object') {
          const remember = () => this.#options.content.remember(decodeMemory(known.memory));
          this.#attempt('what the leader before remembered is of no use', remember);
        }
        return true;
      }
      await sleep(TAKE_OVER_RETRY_MS);
      if (term !== this.#term) return false;
    }
  }

  /** This process leads no more. */
  standBy(): void {
    this.#term += 1;
    this.#isLeading = false;
  }

  /** Writes what has changed, if it is time. Never rejects. */
  async look(): Promise<void> {
    const nowMs = this.#now();
    if (!this.#isLeading || this.#isBusy || nowMs < this.#nextMs) return;
    if (this.#essence === undefined && nowMs < this.#tellsFromMs && !this.#options.content.isReady()) return;
    await this.#writeWhatChanged(TIMEOUT_MS);
  }

  /** The last word of a leader that ends: what the next one has to know, if that is not stored yet. */
  async flush(): Promise<void> {
    if (this.#isBusy) await Promise.race([this.#writingNow, sleep(FLUSH_TIMEOUT_MS)]);
    if (!this.#isLeading || this.#isBusy || this.#encodedMemory() === this.#memory) return;
    await this.#writeWhatChanged(FLUSH_TIMEOUT_MS);
  }

  #writeWhatChanged(timeoutMs: number): Promise<void> {
    this.#writingNow = this.#writeIfChanged(timeoutMs);
    return this.#writingNow;
  }

  async #writeIfChanged(timeoutMs: number): Promise<void> {
    const { content } = this.#options;
    const status = this.#attempt('what the leader tells cannot be made', () => content.status()) ?? '{}';
    const essence = essenceOf(status);
    const memory = this.#encodedMemory();
    if (essence === this.#essence && memory === this.#memory) return;
    this.#isBusy = true;
    const term = this.#term;
    const sentMs = this.#now();
    const ended = await this.#write(status, memory, timeoutMs);
    this.#isBusy = false;
    this.#nextMs = sentMs + (ended === 'refused' ? REFUSED_WAIT_MS : NOTE_EVERY_MS);
    if (ended !== 'done' || term !== this.#term) return;
    this.#essence = essence;
    this.#memory = memory;
  }

  /** Once more when it is not as it was known to be: somebody else wrote it, or took it away. */
  async #write(status: string, memory: string, timeoutMs: number): Promise<Ended> {
    let ended: Ended = 'failed';
    for (let attempt = 0; attempt < 2; attempt += 1) {
      if (this.#known === undefined) {
        const known = await this.#read(timeoutMs);
        if (known === 'failed' || known === 'refused') return known;
      }
      if (!this.#isLeading || !this.#options.mayWrite()) return 'failed';
      ended = await this.#writeOnce(status, memory, timeoutMs);
      if (ended !== 'conflict' && ended !== 'missing') return ended;
      this.#known = undefined;
    }
    return ended;
  }

  async #writeOnce(status: string, memory: string, timeoutMs: number): Promise<Ended> {
    const { namespace, request } = this.#options;
    const name = this.#name;
    const known = this.#known;
    const hasChanged = known === 'missing' ? memory !== '' : memory !== this.#memory;
    const data = noteData({ status, memory: hasChanged ? memory : undefined, writtenAtMs: this.#wall() });
    const asked =
      known === 'missing' || known === undefined
        ? createConfigMapRequest({
            namespace,
            timeoutMs,
            object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data },
          })
        : patchConfigMapRequest({
            namespace,
            name,
            timeoutMs,
            patch: { metadata: { resourceVersion: known.resourceVersion }, data },
          });
    const response = await request(asked);
    // Whether it was written is not known, or not as what: it is read before the next one.
    this.#known = undefined;
    if (response.kind === 'answer' && response.status === 409) return 'conflict';
    if (response.kind === 'answer' && response.status === 404 && known !== 'missing') return 'missing';
    const why = refusalOf(response, asked);
    if (why !== undefined) {
      this.#say(this.#writing, 'what the leader tells and remembers is not written', why);
      return endOf(response);
    }
    this.#recovered(this.#writing, 'what the leader tells and remembers is written again');
    this.#known = response.kind === 'answer' ? parseNoteObject(response.body) : undefined;
    return 'done';
  }

  async #read(timeoutMs: number): Promise<Known | 'refused' | 'failed'> {
    const { namespace, request } = this.#options;
    const asked = getConfigMapRequest({ namespace, name: this.#name, timeoutMs });
    const response = await request(asked);
    if (response.kind === 'answer' && response.status === 404) {
      this.#known = 'missing';
      this.#memory = '';
      return 'missing';
    }
    const why = refusalOf(response, asked);
    const note = why === undefined && response.kind === 'answer' ? parseNoteObject(response.body) : undefined;
    if (note === undefined) {
      this.#say(this.#reading, 'what the leader before remembered is not read', why ?? 'the answer is not a ConfigMap');
      return endOf(response);
    }
    this.#recovered(this.#reading, 'what the leader before remembered is read again');
    this.#known = note;
    this.#memory = note.memory ?? '';
    return note;
  }

  /** A mistake in what is only shown must not cost what has to be remembered, and none of them the lease. */
  #attempt<T>(message: string, attempt: () => T): T | undefined {
    try {
      return attempt();
    } catch (error) {
      this.#say(this.#making, message, String(error));
      return undefined;
    }
  }

  #encodedMemory(): string {
    const { content } = this.#options;
    const memories = this.#attempt('what the next leader has to know cannot be made', () => content.memories());
    if (memories === undefined) return this.#memory;
    const { text, dropped } = encodeMemory(memories);
    const [first] = dropped;
    if (first !== undefined) {
      const detail = `no room for those of ${dropped.length} DaemonSets, first of UID ${first}`;
      this.#say(this.#dropping, 'memories are left out: a restart forgets them', detail);
    }
    return text;
  }

  #say(problem: RepeatedProblem, message: string, detail: string): void {
    const count = problem.failed(this.#now());
    const fields = { configMap: `${this.#options.namespace}/${this.#name}`, detail };
    logRepeated(this.#options.log, { message, fields, count });
  }

  #recovered(problem: RepeatedProblem, message: string): void {
    const past = problem.succeeded(this.#now());
    if (past !== undefined) this.#options.log('info', message, { ...past });
  }
}

function endOf(response: ApiResponse): 'refused' | 'failed' {
  return response.kind === 'answer' && response.status >= 400 && response.status < 429 ? 'refused' : 'failed';
}

/** For people; undefined: it went well. */
function refusalOf(response: ApiResponse, { labels }: Pick<ApiRequest, 'labels'>): string | undefined {
  if (response.kind === 'failure') return response.message;
  if (response.status < 300) return undefined;
  return `HTTP ${response.status}: ${apiErrorOfAnswer(response, labels).message}`;
}
