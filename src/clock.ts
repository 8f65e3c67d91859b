/**
 * The clock that shells hand to the cores: it never steps, it is the same in every thread of the process, and it reads
 * like milliseconds since the Unix epoch, so that the API server's timestamps can serve as start-up hints. When the machine's
 * clock is corrected later it stays as wrong as that was: what others read is told by `wallOf`.
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

/**
 * What it is by the machine's clock: steps when that is corrected, and goes on while the machine is suspended, in which the
 * monotonic one may stand still (CLOCK_MONOTONIC of Linux does).
 */
export function wallMs(): number {
  return Date.now();
}

/** When that was, or will be, by the wall clock as it is set now; for people and other machines. */
export function wallOf(ms: number): number {
  return ms + wallMs() - monotonicMs();
}

export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 + offsetMs;
}

/** A wall clock that is corrected gently, or read a little later than the other one, parts from it by less. */
const JUMP_MS = 1000;
let suspendedMs = 0;
let wallAheadMs = wallMs() - monotonicMs();

/**
 * The monotonic clock, and the time in which the machine was suspended as far as the wall clock tells: for what grows old
 * meanwhile. A wall clock that is set forward looks the same. Each thread has its own, which never steps back.
 */
export function elapsedMs(): number {
  const nowMs = monotonicMs();
  const aheadMs = wallMs() - nowMs;
  if (aheadMs - wallAheadMs > JUMP_MS) suspendedMs += aheadMs - wallAheadMs;
  wallAheadMs = aheadMs;
  return nowMs + suspendedMs;
}
