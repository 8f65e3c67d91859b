/**
 * The clock that shells hand to the cores: it never steps, it is the same in every thread of the process, and it reads
 * like milliseconds since the Unix epoch, so that the API server's timestamps can serve as start-up hints.
 *
 * `performance.now()` is not used: its origin differs from thread to thread.
 */
const NS_PER_MS = 1_000_000n;

/**
 * Wall-clock minus monotonic time, in whole milliseconds. The main thread measures it once and every worker inherits it
 * through the environment, because two threads that measure for themselves would differ after a clock step.
 */
const OFFSET_VARIABLE = 'DAEMONPODUPDATER_CLOCK_OFFSET_MS';

function measureOffsetMs(): number {
  const inherited = Number(process.env[OFFSET_VARIABLE]);
  if (Number.isFinite(inherited) && inherited > 0) return inherited;
  const offsetMs = Date.now() - Number(process.hrtime.bigint() / NS_PER_MS);
  process.env[OFFSET_VARIABLE] = String(offsetMs);
  return offsetMs;
}

const offsetMs = measureOffsetMs();

export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 + offsetMs;
}
