import type { PodEvent } from '../events/event-correlator.ts';

/** The pod that this process runs in, as the Deployment tells it (downward API). */
export interface OwnPod {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
}

/** Undefined outside a cluster, and where the Deployment does not tell. */
export function ownPod(environment: NodeJS.ProcessEnv): OwnPod | undefined {
  const { POD_NAME, POD_NAMESPACE, POD_UID } = environment;
  if (!POD_NAME || !POD_NAMESPACE) return undefined;
  return { key: `${POD_NAMESPACE}/${POD_NAME}`, uid: POD_UID ?? '' };
}

export function settingRefusedEvent(pod: OwnPod, message: string): PodEvent {
  return {
    pod: pod.key,
    uid: pod.uid,
    type: 'Warning',
    reason: 'InvalidSetting',
    action: 'Configure',
    message,
  };
}
