import { deletePod } from './delete-pod.ts';
import { forceDeletePod } from './force-delete-pod.ts';
import { markPod } from './mark-pod.ts';
import { observePod } from './observe-pod.ts';

/** What can be done to a pod, writes first. Tasks, their packing, rights, metric labels and words are derived from it. */
export const WRITES = [deletePod, forceDeletePod, markPod] as const;
export const ACTIONS = [...WRITES, observePod] as const;

export type AnyAction = (typeof ACTIONS)[number];
export type AnyWrite = (typeof WRITES)[number];
export type ActionName = AnyAction['name'];
export type WriteName = AnyWrite['name'];

const byName = Object.fromEntries(ACTIONS.map((action) => [action.name, action]));

export function actionNamed(name: ActionName): AnyAction {
  return byName[name] as AnyAction;
}

export function writeNamed(name: WriteName): AnyWrite {
  return byName[name] as AnyWrite;
}

/** One value for each. */
export function forEachWrite<Value>(make: (name: WriteName) => Value): Record<WriteName, Value> {
  return Object.fromEntries(WRITES.map(({ name }) => [name, make(name)])) as Record<WriteName, Value>;
}
