import type { SlotKey } from '../../../src/protocol/slot.ts';
import { daemonSetKey, slotKey } from '../../../src/protocol/slot.ts';
import type { Task, TaskBatch } from '../../../src/protocol/task.ts';

export function slotOf(daemonSet: string, node: string | number): SlotKey {
  return slotKey(daemonSetKey('shop', daemonSet), `node-${node}`);
}

export function taskOf(slot: SlotKey, pod = 'pod'): Task {
  return { slot, action: 'delete', namespace: 'shop', pod, uid: 'uid-1' };
}

export function batchOf(...tasks: Task[]): TaskBatch {
  return { tasks, writeUntilMs: Number.POSITIVE_INFINITY, taskTimeoutMs: 5000, isDryRun: false };
}
