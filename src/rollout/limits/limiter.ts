import type { CandidateKind, Ledger } from './ledger.ts';

/** One thing that may hold back the node whose turn it would be. Pure, one file each; chain.ts orders them. */
export interface Limiter {
  /** For machines, so it is never renamed. */
  readonly reason: string;
  /** What `meaning` is in the JSON Schema: what is so when it holds. */
  readonly meaning: string;
  /** For people who look at one rollout. */
  readonly words: string;
  /** Of a node that it holds back: where that stands, for machines and in the JSON Schema. */
  readonly nodeReason: string;
  readonly nodeMeaning: string;
  /** How many more nodes of that kind it lets go; less than one: none. */
  room(kind: CandidateKind, ledger: Ledger): number;
}
