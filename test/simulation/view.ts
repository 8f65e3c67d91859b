import { CONTACT_LIMITS, type Confirmed, LossMemory, lossesOf } from '../../src/cache/contact.ts';
import { LOOK_EVERY_MS, ViewLook, type ViewLoss, type ViewStream } from '../../src/controller/view-losses.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';
import type { DaemonSetKey } from '../../src/protocol/slot.ts';
import type { SimProcess } from './process.ts';
import type { Stream } from './stream.ts';

/** What can be done to a stream, whatever it reads. */
type AnyStream = Pick<Stream<ObjectRecord>, 'contact' | 'cutOff' | 'restore'>;

/** All streams of one process, looked at once a second as the program looks at them. */
export class View {
  readonly #process: SimProcess;
  readonly #onLosses: (losses: readonly ViewLoss[]) => void;
  readonly #look = new ViewLook();
  #readers: readonly (Confirmed<ViewStream> & { readonly line: AnyStream })[] = [];

  constructor(process: SimProcess, onLosses: (losses: readonly ViewLoss[]) => void) {
    this.#process = process;
    this.#onLosses = onLosses;
  }

  add(identity: ViewStream, line: AnyStream): void {
    const memory = new LossMemory(CONTACT_LIMITS);
    this.#readers = [...this.#readers, { identity, memory, line, contact: () => line.contact() }];
  }

  forget(key: DaemonSetKey): void {
    this.#readers = this.#readers.filter(({ identity: { scope } }) => scope.of !== 'daemonset' || scope.key !== key);
  }

  start(): void {
    this.#process.after(LOOK_EVERY_MS, () => {
      this.#lookAtAll();
      this.start();
    });
  }

  /** Before a decision: a timer may be late. */
  lookIfDue(): void {
    if (this.#look.isDue(this.#process.nowMs)) this.#lookAtAll();
  }

  streams(): readonly AnyStream[] {
    return this.#readers.map(({ line }) => line);
  }

  restoreAll(): void {
    for (const { line } of this.#readers) line.restore();
  }

  #lookAtAll(): void {
    const { nowMs } = this.#process;
    const losses = lossesOf(this.#readers, nowMs);
    if (this.#look.saw(losses, nowMs)) this.#onLosses(losses);
  }
}
