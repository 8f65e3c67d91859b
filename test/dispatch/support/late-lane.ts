import { BroadcastChannel } from 'node:worker_threads';
import type { LaneHello } from '../../../src/protocol/lane-control.ts';
import { connect as connectNow, default as run } from './evil-lane.ts';

/** A lane that says when its code is loaded, and answers the hello only when it is told to. */
export async function connect(hello: LaneHello): Promise<void> {
  const channel = new BroadcastChannel('late-lane');
  const allowed = new Promise<void>((resolve) => {
    channel.onmessage = ({ data }: MessageEvent | { data: unknown }) => {
      if (data === 'answer') resolve();
    };
  });
  channel.postMessage('loaded');
  await allowed;
  channel.close();
  connectNow(hello);
}

export default run;
