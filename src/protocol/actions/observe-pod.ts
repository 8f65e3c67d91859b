import type { ReadAction } from './action.ts';

/** Reads the pod, because an earlier write's fate is not known and the watch has not told. */
export const observePod = {
  name: 'observe',
  number: 3,
  kind: 'read',
  call: { verb: 'get', apiGroup: '', resource: 'pods', scope: 'namespaced' },
  fields: {},
} as const satisfies ReadAction;
