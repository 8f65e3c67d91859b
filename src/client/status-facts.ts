/** A decoded `meta/v1.Status`, with '' and 0 for what is absent. */
export interface StatusFacts {
  readonly reason: string;
  readonly message: string;
  readonly code: number;
  readonly kind: string;
  readonly name: string;
  readonly causes: readonly { readonly reason: string; readonly message: string }[];
  readonly retryAfterSeconds: number;
}
