import type { Commit, Store } from '../../src/simulator/store.ts';
import type { Spoilage } from './spoilage.ts';

/** Every commit since the beginning, whatever the simulated etcd has compacted. */
export class CommitLog {
  readonly #commits = new Map<string, Commit[]>();
  readonly #spoilage: Spoilage;

  constructor(store: Store, spoilage: Spoilage) {
    this.#spoilage = spoilage;
    store.onCommit((commit) => this.of(commit.resource).push(commit));
  }

  /** Whether the object can be read as that commit left it. */
  isReadable({ object }: Commit): boolean {
    return this.#spoilage.problemOf(object) === undefined;
  }

  of(resource: string): Commit[] {
    let commits = this.#commits.get(resource);
    if (commits === undefined) {
      commits = [];
      this.#commits.set(resource, commits);
    }
    return commits;
  }
}

const NOTHING: readonly Commit[] = [];

/** How far one stream has been told; reads the true history up to there, whatever the stream itself made of it. */
export class Cursor {
  readonly #commits: readonly Commit[];
  #index = 0;

  constructor(log: CommitLog, resource: string) {
    this.#commits = log.of(resource);
  }

  /** What came since the last call, up to `revision`. */
  advance(revision: number): readonly Commit[] {
    const from = this.#index;
    for (;;) {
      const commit = this.#commits[this.#index];
      if (commit === undefined || commit.revision > revision) break;
      this.#index += 1;
    }
    return from === this.#index ? NOTHING : this.#commits.slice(from, this.#index);
  }
}
