import { objectOf, parseJson } from '../kube/json-object.ts';
import { BIT } from './classify.ts';
import type { Facts } from './facts.ts';
import { isSuspect } from './outage.ts';
import { liveCount, PLACE, type Slot } from './slot-state.ts';

/** More names are not written: the rest is told from the cluster as well as it goes. */
const NAMES_MAX = 2000;
/** Longer names are none (RFC 1123). */
const NAME_LENGTH_MAX = 253;

/** What the next leader cannot tell from the cluster; node names. */
export interface Memory {
  /** Their replacement did not become available in time. */
  readonly failed: ReadonlySet<string>;
  /** No pod was available there long before their turn. */
  readonly brokenBefore: ReadonlySet<string>;
  /** They keep their place though a taint keeps the pod away. */
  readonly kept: ReadonlySet<string>;
  /** NotReady, and taken down by the replacement of their pod: for which revision, which may be tried again. */
  readonly takenDown: ReadonlyMap<string, string>;
}

/** Slots with something to remember; a slot is looked at whenever it changed. */
export class MemoryNotes {
  readonly #failed = new Set<string>();
  readonly #brokenBefore = new Set<string>();
  readonly #kept = new Set<string>();
  readonly #takenDown = new Map<string, string>();
  #text: string | undefined;
  #told: Memory | undefined;

  /** What an earlier leader wrote; undefined: nothing that can be used. */
  get told(): Memory | undefined {
    return this.#told;
  }

  /** False: it is not what `text` gives. */
  remember(text: string): boolean {
    const memory = parseMemory(text);
    this.#told = memory ?? this.#told;
    return memory !== undefined;
  }

  onChange(slot: Slot, facts: Facts): void {
    const { mask, nodeName, place, wasBroken } = slot;
    this.#put(this.#failed, nodeName, (mask & BIT.failed) !== 0 && slot.isOurs);
    this.#put(this.#brokenBefore, nodeName, wasBroken || (mask & BIT.brokenBefore) !== 0);
    this.#put(this.#kept, nodeName, (mask & BIT.eligible) !== 0 && place < PLACE.AWAY && liveCount(slot) === 0);
    const { replacedHash: hash } = slot;
    // What was only guessed after a start is not handed on: the next one may guess again.
    const isSure = slot.replacements?.hash === hash || this.#told?.takenDown.get(nodeName) === hash;
    const isTakenDown = isSure && slot.node?.isReady === false && !slot.isOutage && isSuspect(slot, facts);
    this.#putTakenDown(nodeName, isTakenDown ? hash : undefined);
  }

  /** JSON, however there may be nothing to tell: then it tells that. */
  get text(): string {
    this.#text ??= JSON.stringify({
      failed: firstOf(this.#failed),
      brokenBefore: firstOf(this.#brokenBefore),
      kept: firstOf(this.#kept),
      takenDown: firstOf(this.#takenDown.keys()).map((name) => [name, this.#takenDown.get(name)]),
    });
    return this.#text;
  }

  #put(names: Set<string>, name: string, isIn: boolean): void {
    if (names.has(name) === isIn) return;
    if (isIn) names.add(name);
    else names.delete(name);
    this.#text = undefined;
  }

  #putTakenDown(name: string, hash: string | undefined): void {
    if (this.#takenDown.get(name) === hash) return;
    if (hash === undefined) this.#takenDown.delete(name);
    else this.#takenDown.set(name, hash);
    this.#text = undefined;
  }
}

/** Undefined: it is not what `MemoryNotes` wrote. */
function parseMemory(text: string): Memory | undefined {
  const { failed, brokenBefore, kept, takenDown = [] } = objectOf(parseJson(text)) ?? {};
  if (!isNames(failed) || !isNames(brokenBefore) || !isNames(kept) || !isTakenDown(takenDown)) return undefined;
  return {
    failed: new Set(failed),
    brokenBefore: new Set(brokenBefore),
    kept: new Set(kept),
    takenDown: new Map(takenDown),
  };
}

function isNames(value: unknown): value is string[] {
  if (!Array.isArray(value) || value.length > NAMES_MAX) return false;
  return value.every((name) => typeof name === 'string' && name.length <= NAME_LENGTH_MAX);
}

function isTakenDown(value: unknown): value is [string, string][] {
  if (!Array.isArray(value) || value.length > NAMES_MAX) return false;
  return value.every((each) => isNames(each) && each.length === 2);
}

function firstOf(names: Iterable<string>): string[] {
  return [...names].sort().slice(0, NAMES_MAX);
}
