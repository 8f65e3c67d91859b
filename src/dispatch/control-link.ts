import { MessageChannel, type MessagePort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { LaneControl } from '../protocol/lane-control.ts';

export interface ControlLink {
  readonly control: Comlink.Remote<LaneControl>;
  /** For the thread; goes into its hello. */
  readonly remotePort: MessagePort;
  close(): void;
}

/** The main thread's end of a control port. A call to a thread that dies never ends: bound every call with a deadline. */
export function openControlLink(): ControlLink {
  const { port1, port2 } = new MessageChannel();
  const control = Comlink.wrap<LaneControl>(nodeEndpoint(port1));
  // After the listener is there, because adding one holds the process again.
  port1.unref();
  return { control, remotePort: port2, close: () => port1.close() };
}
