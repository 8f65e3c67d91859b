import type { SimObject } from './objects.ts';
import type { Random } from './random.ts';
import type { Route } from './resources.ts';
import type { StatusBody } from './status.ts';
import type { Store } from './store.ts';
import type { Timeline } from './timeline.ts';
import type { Watch, WatchHub } from './watch.ts';

export interface SimRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** JSON text. */
  readonly body: string | undefined;
}

export type Encoding = 'json' | 'protobuf';

export interface SimList {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly SimObject[];
}

export type SimResponse =
  | { readonly kind: 'object'; readonly status: number; readonly object: SimObject; readonly encoding: Encoding }
  | { readonly kind: 'list'; readonly status: 200; readonly list: SimList; readonly encoding: Encoding }
  | { readonly kind: 'watch'; readonly status: 200; readonly watch: Watch; readonly encoding: Encoding }
  /** A refusal, or the success of a deletion; `body.details.retryAfterSeconds` is also the header Retry-After. */
  | { readonly kind: 'status'; readonly status: number; readonly body: StatusBody; readonly encoding: Encoding }
  /** Discovery, version and health. */
  | { readonly kind: 'raw'; readonly status: number; readonly body: unknown };

/** What the parts of the API server share. */
export interface ApiContext {
  readonly store: Store;
  readonly hub: WatchHub;
  readonly timeline: Timeline;
  readonly random: Random;
  /** Virtual milliseconds a millisecond of the clients: what clients ask for (time-outs) is in their time. */
  readonly timeScale: number;
}

/** A request whose route and negotiation are settled. */
export interface Call {
  readonly route: Route;
  readonly method: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: string | undefined;
  readonly encoding: Encoding;
  /** Shows an object as the client wants to see it: as it is, or its metadata only. */
  readonly project: (object: SimObject) => SimObject;
  readonly isPartial: boolean;
  readonly origin: string;
}
