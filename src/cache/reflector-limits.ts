export const PAGE_LIMIT = 500;
export const PAGE_SHRINK = 10;
export const WATCH_TIMEOUT_SECONDS = 300;
/**
 * A watch that ends sooner and brought nothing is a failure, or a broken proxy would be asked in a loop. Counted from the
 * request: accepted late and ended at once is no better than refused. A server ends its watches after 5 minutes or more.
 */
export const WATCH_MS_MIN = 10_000;
/** Garbled at the same place this often: the event itself is broken, so the list has to bring what it said. */
export const GARBLED_IN_A_ROW_MAX = 3;
/** Pages may be empty, but not for ever. */
export const BARREN_PAGES_MAX = 10;
/**
 * A version that expires this long after the last list is how watches end after an outage, not a sign that the API server
 * is unwell: the list goes at once, spread over a moment because every reflector may find out at the same time. Sooner, the
 * list did not help, and the next one waits.
 */
export const LIST_AGE_MS_MIN = 30_000;
export const LIST_SPREAD_MS = 500;
/** Objects that are compared in one go; keeps one input under about 2 ms. */
export const APPLY_SLICE = 1000;
