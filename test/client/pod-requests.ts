import type { ApiRequest } from '../../src/client/api-request.ts';
import { podRequest } from '../../src/client/requests.ts';
import type { PodTask } from '../../src/protocol/actions/action.ts';
import { slotKey } from '../../src/protocol/slot.ts';

interface Target {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly timeoutMs: number;
}

interface Mark extends Target {
  readonly needsUpgrade: boolean;
  readonly hash: string;
  readonly lastTransitionTime: string;
}

const WALL_TIME = '2026-08-01T10:00:00Z';

function taskOf({ namespace, name, uid = '' }: Target): PodTask {
  return { slot: slotKey('ns/ds' as Parameters<typeof slotKey>[0], 'n1'), namespace, pod: name, uid };
}

export function getPodRequest(target: Target): ApiRequest {
  const { timeoutMs } = target;
  return podRequest('observe', { ...taskOf(target), action: 'observe' }, { timeoutMs, wallTime: WALL_TIME });
}

export function deletePodRequest(target: Target): ApiRequest {
  const { timeoutMs } = target;
  return podRequest('delete', { ...taskOf(target), action: 'delete' }, { timeoutMs, wallTime: WALL_TIME });
}

export function markPodRequest({ needsUpgrade, hash, lastTransitionTime: wallTime, ...target }: Mark): ApiRequest {
  const { timeoutMs } = target;
  return podRequest('mark', { ...taskOf(target), action: 'mark', needsUpgrade, hash }, { timeoutMs, wallTime });
}
