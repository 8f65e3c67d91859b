import { writeMachine } from './write-pod.ts';

/**
 * Deletes the pod with its UID as a precondition. The API server answers 409 both when the pod of that name has another
 * UID and when it was written to at the same time.
 */
export const deletePodMachine = writeMachine('delete-pod', { 409: 'retry' });

/** The same without a grace period. */
export const forceDeletePodMachine = writeMachine('force-delete-pod', { 409: 'retry' });
