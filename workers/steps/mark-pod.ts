import { writeMachine } from './write-pod.ts';

/**
 * Patches the pod's status; the patch carries `metadata.uid`, so that for another pod of that name the API server answers 422
 * ("field is immutable"). It answers 422 for a patch that is invalid, too.
 */
export const markPodMachine = writeMachine('mark-pod', { 409: 'retry', 422: 'final' });
