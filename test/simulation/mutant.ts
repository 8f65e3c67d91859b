/** Exports of one module, each as the bug makes it from what it is. */
export interface Plant {
  /** From the project's root. */
  readonly module: string;
  readonly names: readonly string[];
  /** What to export under these names instead. */
  readonly grow: (original: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
}

/** A bug planted in the program, to see whether the simulation finds it. */
export interface Mutant {
  readonly name: string;
  /** What the bug is, in one line. */
  readonly bug: string;
  /** The rule that is meant to see it; others may see it as well, and that does not count. */
  readonly rule: string;
  readonly plants: readonly Plant[];
}

/** What a module exports under a name, made from what it is and from the rest of the module. */
type Changes<M> = { readonly [Name in keyof M]?: (original: M[Name], whole: M) => M[Name] };

/**
 * `plant<typeof import('…')>('…', { name: (original) => … })`: whoever imports the module gets what is returned; the module itself
 * goes on with what it has. A mutant's file imports nothing of the program but types, or it would be loaded before the bug is.
 */
export function plant<M extends object>(module: string, changes: Changes<M>): Plant {
  return {
    module,
    names: Object.keys(changes),
    grow: (original) => {
      const grown: Record<string, unknown> = {};
      for (const [name, change] of Object.entries(changes)) {
        const make = change as (what: unknown, whole: unknown) => unknown;
        grown[name] = make(original[name], original);
      }
      return grown;
    },
  };
}

/** `rule`: by which it has to be found. */
export function mutant(name: string, rule: string, bug: string, ...plants: readonly Plant[]): Mutant {
  return { name, rule, bug, plants };
}
