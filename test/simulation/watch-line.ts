import type { Fate } from '../../src/simulator/faults.ts';
import { withMetadata } from '../../src/simulator/objects.ts';
import type { Planned } from '../../src/simulator/timeline.ts';
import type { Watch, WatchEvent } from '../../src/simulator/watch.ts';
import type { Network, WatchFaults } from './network.ts';
import type { SimProcess } from './process.ts';

interface LineOptions {
  readonly process: SimProcess;
  readonly network: Network;
  readonly selection: { readonly resource: string };
}

/** `silent`: nothing has come for so long that the client gives up. */
export type LineEnd = 'ended' | 'cut' | 'silent';

interface LineCallbacks {
  readonly onEvents: (events: readonly WatchEvent[]) => void;
  readonly onEnd: (how: LineEnd) => void;
}

/** As the client has it. */
const SILENCE_MS = 90_000;

interface Parcel {
  readonly events: WatchEvent[];
  readonly atMs: number;
}

/** The connection of one watch: events travel in order, late, in bunches, or not at all until it breaks. */
export class WatchLine {
  readonly #process: SimProcess;
  readonly #network: Network;
  readonly #watch: Watch;
  readonly #fate: Fate;
  readonly #callbacks: LineCallbacks;
  readonly #lagMs: number;
  readonly #planned = new Set<Planned>();
  #last: Parcel | undefined;
  #isOpen = true;
  /** Nothing comes through any more, not even the end. */
  #isMuted = false;
  #heardMs: number;
  readonly #faults: WatchFaults;
  /** Events of a connection on which only bookmarks come through. */
  #held: WatchEvent[] | undefined;

  constructor(options: LineOptions, watch: Watch, fate: Fate, callbacks: LineCallbacks) {
    this.#process = options.process;
    this.#network = options.network;
    this.#watch = watch;
    this.#fate = fate;
    this.#callbacks = callbacks;
    this.#heardMs = this.#process.timeline.nowMs;
    this.#lagMs = this.#network.latencyMs() + fate.eventDelayMs;
    this.#faults = this.#network.watchFaults(options.selection.resource);
  }

  open(): void {
    const { isSilent, silentMs } = this.#faults;
    const cutMs = Math.min(
      this.#fate.cutAfterMs ?? Number.POSITIVE_INFINITY,
      isSilent ? silentMs : Number.POSITIVE_INFINITY,
    );
    if (Number.isFinite(cutMs)) this.#plan(this.#process.timeline.nowMs + cutMs, () => this.#end('cut'));
    this.#listen();
    if (this.#faults.bookmarksMs > 0) this.#holdBack();
    this.#watch.start({
      event: (event) => {
        if (isSilent) return;
        if (this.#held === undefined) this.#take(event);
        else this.#hold(event, this.#held);
      },
      end: () => {
        if (!isSilent) this.#plan(this.#arrivalMs(), () => this.#end('ended'));
      },
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#watch.stop();
    for (const planned of this.#planned) this.#process.timeline.cancel(planned);
    this.#planned.clear();
  }

  cut(): void {
    this.#plan(this.#process.timeline.nowMs, () => this.#end('cut'));
  }

  mute(): void {
    this.#isMuted = true;
  }

  /** Looks when the client would give up if nothing came until then. */
  #listen(): void {
    const { clock, timeline } = this.#process;
    const untilMs = this.#heardMs + clock.span(SILENCE_MS);
    const planned = timeline.at(untilMs, () => {
      this.#planned.delete(planned);
      this.#process.run(() => {
        if (!this.#isOpen) return;
        if (this.#heardMs + clock.span(SILENCE_MS) > untilMs) this.#listen();
        else this.#end('silent');
      });
    });
    this.#planned.add(planned);
  }

  #holdBack(): void {
    this.#held = [];
    this.#plan(this.#process.timeline.nowMs + this.#faults.bookmarksMs, () => {
      const held = this.#held ?? [];
      this.#held = undefined;
      if (this.#faults.isCutAfterBookmarks) this.#end('cut');
      else for (const event of held) this.#take(event);
    });
  }

  /** A bookmark promises that everything up to it was told, so none goes beyond the first event that is held back. */
  #hold(event: WatchEvent, held: WatchEvent[]): void {
    if (event.type !== 'BOOKMARK') {
      held.push(event);
      return;
    }
    const [first] = held;
    if (first === undefined) {
      this.#take(event);
      return;
    }
    const resourceVersion = String(Number(first.object.metadata.resourceVersion) - 1);
    this.#take({ type: 'BOOKMARK', object: withMetadata(event.object, { resourceVersion }) });
  }

  #arrivalMs(): number {
    const { nowMs } = this.#process.timeline;
    return Math.max(nowMs + this.#lagMs, this.#last?.atMs ?? 0);
  }

  #take(event: WatchEvent): void {
    if (!this.#isOpen) return;
    const arrivalMs = this.#arrivalMs();
    if (this.#last !== undefined && this.#last.atMs === arrivalMs && this.#last.events.length > 0) {
      this.#last.events.push(event);
      return;
    }
    const parcel: Parcel = { events: [event], atMs: arrivalMs + this.#faults.stallMs() };
    this.#last = parcel;
    this.#plan(parcel.atMs, () => {
      this.#heardMs = this.#process.timeline.nowMs;
      this.#callbacks.onEvents(parcel.events.splice(0));
    });
  }

  #plan(atMs: number, part: () => void): void {
    const planned = this.#process.timeline.at(atMs, () => {
      this.#planned.delete(planned);
      this.#process.run(() => {
        if (this.#isOpen && !this.#isMuted) part();
      });
    });
    this.#planned.add(planned);
  }

  #end(how: LineEnd): void {
    this.close();
    this.#callbacks.onEnd(how);
  }
}
