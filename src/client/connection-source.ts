import { isDeepStrictEqual } from 'node:util';
import type { Connection } from '../protocol/connection.ts';
import type { CredentialError } from './credential-error.ts';

/** What was read from the kubeconfig or the service account. */
export interface Credentials {
  readonly connection: Connection;
  /** The context's namespace, the service account's, or `default`. */
  readonly namespace: string;
  readonly contextName: string;
  /** Whether it is a pod's service account. */
  readonly isInCluster: boolean;
  /** To be shown to whoever runs this, such as switched-off TLS verification. */
  readonly warnings: readonly string[];
}

/** The credentials in use, kept fresh. Holds secrets: never log it. */
export interface ConnectionSource {
  readonly namespace: string;
  readonly contextName: string;
  readonly isInCluster: boolean;
  readonly warnings: readonly string[];
  current(): Connection;
  /**
   * Reads everything again: rotated files, exec plugins, the kubeconfig itself. Calls at the same time share one read.
   * Rejects with `CredentialError`; `current()` then still is what it was.
   */
  refresh(): Promise<Connection>;
  /** After a read that found something new. */
  onChange(callback: (connection: Connection) => void): void;
  /** After a periodic read that failed. */
  onProblem(callback: (error: CredentialError) => void): void;
  close(): void;
}

/** As often as client-go reads token files again. */
const REFRESH_MS = 60_000;

/** `isForced`: nothing that was cached (an exec plugin's token) is good enough. */
export type ReadCredentials = (isForced: boolean) => Promise<Credentials>;

export async function openConnectionSource(
  read: ReadCredentials,
  refreshMs: number = REFRESH_MS,
): Promise<ConnectionSource> {
  const first = await read(true);
  let connection = first.connection;
  let reading: Promise<Connection> | undefined;
  const changed: ((connection: Connection) => void)[] = [];
  const failed: ((error: CredentialError) => void)[] = [];

  async function readAgain(isForced: boolean): Promise<Connection> {
    const { connection: next } = await read(isForced);
    if (isDeepStrictEqual(next, connection)) return connection;
    connection = next;
    for (const callback of changed) callback(next);
    return next;
  }

  function refresh(isForced: boolean): Promise<Connection> {
    reading ??= readAgain(isForced).finally(() => {
      reading = undefined;
    });
    return reading;
  }

  const timer = setInterval(() => {
    refresh(false).catch((error: CredentialError) => {
      for (const callback of failed) callback(error);
    });
  }, refreshMs);
  timer.unref();

  return {
    namespace: first.namespace,
    contextName: first.contextName,
    isInCluster: first.isInCluster,
    warnings: first.warnings,
    current: () => connection,
    refresh: () => refresh(true),
    onChange: (callback) => void changed.push(callback),
    onProblem: (callback) => void failed.push(callback),
    close: () => clearInterval(timer),
  };
}
