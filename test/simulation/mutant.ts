/** A change of the program's text; `find` must occur exactly once in `file`. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A bug planted in the program, to see whether the simulation finds it. */
export interface Mutant {
  readonly name: string;
  /** What the bug is, in one line. */
  readonly bug: string;
  readonly patches: readonly Patch[];
}

export function one(name: string, bug: string, patch: Patch): Mutant {
  return { name, bug, patches: [patch] };
}
