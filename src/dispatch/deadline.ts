/** The value, or undefined when it is not there in time or the promise rejects. */
export async function withinMs<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const timeout = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => timeout.resolve(undefined), timeoutMs);
  try {
    return await Promise.race([promise.catch(() => undefined), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
