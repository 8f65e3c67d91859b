/** Exit codes of a process that a signal ended. */
export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Resolves at the first SIGINT or SIGTERM, with its name. The second one ends the process at once, with 130 or 143: whoever
 * sends it does not want to wait any longer.
 */
export function firstSignal(): Promise<keyof typeof EXIT_CODES> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (!isFirst) process.exit(EXIT_CODES[signal]);
        isFirst = false;
        resolve(signal);
      });
    }
  });
}
