import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Samples the thread that calls it for that long; the JSON of a `.cpuprofile`. */
export async function cpuProfile(durationMs: number): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    // The end of the process does not wait for a profile.
    await sleep(durationMs, undefined, { ref: false });
    const { profile } = await session.post('Profiler.stop');
    return JSON.stringify(profile);
  } finally {
    session.disconnect();
  }
}

/** The default, 512 KiB, would miss nearly all that a lane allocates in ten seconds. */
const HEAP_SAMPLE_BYTES = 16_384;

/**
 * Samples what the thread that calls it allocates for that long, the JSON of a `.heapprofile`. What has been collected since
 * counts too: a lane keeps next to nothing, and what it drops is what the garbage collector works for.
 */
export async function heapProfile(durationMs: number): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: HEAP_SAMPLE_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    // The end of the process does not wait for a profile.
    await sleep(durationMs, undefined, { ref: false });
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return JSON.stringify(profile);
  } finally {
    session.disconnect();
  }
}
