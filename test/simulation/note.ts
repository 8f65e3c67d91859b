import type { ApiRequest } from '../../src/client/api.ts';
import { createConfigMapRequest, getConfigMapRequest, patchConfigMapRequest } from '../../src/client/requests.ts';
import { decodeMemory, encodeMemory } from '../../src/status/memory-note.ts';
import { noteData, noteName } from '../../src/status/note-object.ts';
import { LEASE } from './candidate.ts';
import type { Network, SimAnswer } from './network.ts';
import type { SimProcess } from './process.ts';

const LOOK_MS = 2000;
const EVERY_MS = 10_000;
const TIMEOUT_MS = 5000;
const TAKE_OVER_MS = 30_000;
const RETRY_MS = 1000;

export interface NoteOptions {
  readonly process: SimProcess;
  readonly network: Network;
  readonly memories: () => ReadonlyMap<string, string>;
  readonly remember: (memories: ReadonlyMap<string, string>) => void;
  readonly mayWrite: () => boolean;
}

/** What leaders remember from one to the next, in virtual time: read before anything is decided, written when it changed. */
export class Note {
  readonly #options: NoteOptions;
  readonly #target = { namespace: LEASE.namespace, name: noteName(LEASE.name), timeoutMs: TIMEOUT_MS };
  #term = 0;
  #isLeading = false;
  #isBusy = false;
  #written = '';
  #nextMs = 0;

  constructor(options: NoteOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.process.after(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  takeOver(then: () => void): void {
    this.#term += 1;
    this.#isLeading = true;
    this.#read(this.#term, this.#options.process.nowMs, then);
  }

  standBy(): void {
    this.#term += 1;
    this.#isLeading = false;
  }

  /** What is not stored yet is, if that can be done at once. */
  flush(): void {
    this.#nextMs = 0;
    this.#look();
  }

  #read(term: number, fromMs: number, then: () => void): void {
    const { process, remember } = this.#options;
    this.#send(getConfigMapRequest(this.#target), (answer) => {
      if (term !== this.#term) return;
      const isKnown =
        answer.kind === 'response' && (answer.response.kind === 'object' || answer.response.status === 404);
      if (!isKnown && process.nowMs - fromMs < TAKE_OVER_MS) {
        process.after(RETRY_MS, () => term === this.#term && this.#read(term, fromMs, then));
        return;
      }
      this.#written = memoryOf(answer);
      remember(decodeMemory(this.#written));
      then();
    });
  }

  #look(): void {
    const { process, memories, mayWrite } = this.#options;
    if (!this.#isLeading || this.#isBusy || process.nowMs < this.#nextMs || !mayWrite()) return;
    const { text } = encodeMemory(memories());
    if (text === this.#written) return;
    this.#isBusy = true;
    this.#nextMs = process.nowMs + EVERY_MS;
    this.#send(getConfigMapRequest(this.#target), (answer) => {
      if (answer.kind === 'failure' || !mayWrite()) this.#isBusy = false;
      else this.#write(text, answer);
    });
  }

  #write(text: string, read: SimAnswer & { kind: 'response' }): void {
    const { namespace, name } = this.#target;
    const data = noteData({ status: '{}', memory: text, writtenAtMs: this.#options.process.nowMs });
    const { response } = read;
    const request =
      response.kind === 'object'
        ? patchConfigMapRequest({
            ...this.#target,
            patch: { metadata: { resourceVersion: response.object.metadata.resourceVersion }, data },
          })
        : createConfigMapRequest({
            namespace,
            timeoutMs: TIMEOUT_MS,
            object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data },
          });
    this.#send(request, (answer) => {
      this.#isBusy = false;
      if (answer.kind === 'response' && answer.response.status < 300) this.#written = text;
    });
  }

  #send(request: ApiRequest, onAnswer: (answer: SimAnswer) => void): void {
    const { process, network } = this.#options;
    const timeoutMs = process.clock.span(request.timeoutMs);
    network.send(request, { from: process.id, timeoutMs, onAnswer: (answer) => process.run(() => onAnswer(answer)) });
  }
}

function memoryOf(answer: SimAnswer): string {
  if (answer.kind === 'failure' || answer.response.kind !== 'object') return '';
  const { data } = answer.response.object as { readonly data?: { readonly memory?: string } };
  return data?.memory ?? '';
}
