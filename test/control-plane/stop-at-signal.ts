/** Keeps the process until Ctrl-C, then stops what it started. */
export async function stopAtSignal(plane: { stop(): Promise<void> }): Promise<void> {
  const keepAlive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  clearInterval(keepAlive);
  await plane.stop();
}
