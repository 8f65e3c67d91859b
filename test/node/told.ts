import type { KubeObject } from '../control-plane/api-client.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { waitFor } from '../control-plane/processes.ts';
import { printedStatus } from '../e2e/viewer.ts';

/** The leader tells with its lease, every few seconds. */
const TOLD_TIMEOUT_MS = 60_000;

/** Of `status -o json`, what the tests read. */
export interface Told {
  readonly daemonSet: {
    readonly eligible: number;
    readonly updated: number;
    readonly available: number;
    readonly unavailable: number;
    readonly allowed: number;
    readonly inFlight: number;
    readonly failed: number;
    readonly skippedNotReady: number;
    readonly leader: { readonly failures: Readonly<Record<string, number>> } | null;
  };
  readonly warnings: readonly string[];
}

/** What `daemonpodupdater status` says of the DaemonSet. */
export async function statusOf(plane: ControlPlane, name: string): Promise<Told> {
  const text = await printedStatus(plane.adminKubeconfigPath, name, '--namespace', 'default', '--output', 'json');
  const { daemonSets, warnings } = JSON.parse(text);
  return { daemonSet: daemonSets[0], warnings };
}

/** What `status` says as soon as it is what is waited for; the error tells what it said in the end. */
export async function statusOnce(
  plane: ControlPlane,
  name: string,
  isThere: (told: Told) => boolean,
  timeoutMs = TOLD_TIMEOUT_MS,
): Promise<Told> {
  let last: Told | undefined;
  const look = async () => {
    last = await statusOf(plane, name);
    return isThere(last) ? last : undefined;
  };
  return await waitFor(look, { timeoutMs, pollMs: 500, what: `status of ${name}` }).catch((cause: unknown) => {
    throw new Error(`status of ${name} in the end: ${JSON.stringify(last)}`, { cause });
  });
}

interface EventObject extends KubeObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
}

/** `reason: note` of the events about the DaemonSet. */
export async function eventsOf(plane: ControlPlane, name: string): Promise<string[]> {
  const { items } = await plane.admin.list<EventObject>('/apis/events.k8s.io/v1/namespaces/default/events');
  return items.filter(({ regarding }) => regarding.name === name).map(({ reason, note }) => `${reason}: ${note}`);
}

/** Waits for an event that matches. */
export async function untilEvent(plane: ControlPlane, name: string, pattern: RegExp): Promise<void> {
  let events: string[] = [];
  const look = async () => {
    events = await eventsOf(plane, name);
    return events.some((event) => pattern.test(event));
  };
  await waitFor(look, { timeoutMs: TOLD_TIMEOUT_MS, pollMs: 200, what: `event ${pattern}` }).catch((cause: unknown) => {
    throw new Error(`no event ${pattern} in:\n${events.join('\n')}`, { cause });
  });
}
