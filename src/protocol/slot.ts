/**
 * A slot is one DaemonSet on one node. Its key orders work: at most one task of a slot is in flight, and all tasks of a
 * slot go to the same lane.
 */
export type SlotKey = string & { readonly __slot: never };

/** The key of a DaemonSet: `namespace/name`. */
export type DaemonSetKey = string & { readonly __daemonSet: never };

export function daemonSetKey(namespace: string, name: string): DaemonSetKey {
  return `${namespace}/${name}` as DaemonSetKey;
}

/** `namespace/daemonset/node`; callers pass names that hold no '/', which the decoders make sure of. */
export function slotKey(daemonSet: DaemonSetKey, nodeName: string): SlotKey {
  return `${daemonSet}/${nodeName}` as SlotKey;
}

export function daemonSetOfSlot(slot: SlotKey): DaemonSetKey {
  return slot.slice(0, slot.lastIndexOf('/')) as DaemonSetKey;
}

export function nodeOfSlot(slot: SlotKey): string {
  return slot.slice(slot.lastIndexOf('/') + 1);
}
