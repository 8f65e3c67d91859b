import { TEMPLATE_GENERATION } from './admission.ts';
import { isEqualJson } from './fields.ts';
import type { DaemonSetObject, OwnerReference, RevisionObject } from './objects.ts';

export const REVISION_HASH = 'controller-revision-hash';

/** JSON with fields in order of their names, so that equal values give equal text. */
function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${stableJson(field)}`).join(',')}}`;
}

/** A hash of a pod template in digits and lower-case letters. Not Go's: nobody may recompute it, only compare it. */
function templateHash(template: unknown): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(stableJson(template))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(10).replace(/[013]/g, (digit) => ({ 0: 'b', 1: 'c', 3: 'd' })[digit] ?? digit);
}

export function ownerOf(daemonSet: DaemonSetObject): OwnerReference {
  const { apiVersion, kind, metadata } = daemonSet;
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The part of a DaemonSet that a revision keeps. */
function revisionData(daemonSet: DaemonSetObject): unknown {
  return { spec: { template: { $patch: 'replace', ...daemonSet.spec.template } } };
}

/** A revision for the DaemonSet's template, before the API server has seen it. */
function newRevision(daemonSet: DaemonSetObject, revision: number): RevisionObject {
  const { name, namespace = '' } = daemonSet.metadata;
  const hash = templateHash(daemonSet.spec.template);
  const generation = daemonSet.metadata.annotations?.[TEMPLATE_GENERATION] ?? '1';
  const metadata = {
    name: `${name}-${hash}`,
    namespace,
    labels: { ...daemonSet.spec.template.metadata?.labels, [REVISION_HASH]: hash },
    annotations: { [TEMPLATE_GENERATION]: generation },
    ownerReferences: [ownerOf(daemonSet)],
    uid: '',
    resourceVersion: '',
    creationTimestamp: '',
  };
  const data = revisionData(daemonSet);
  return { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata, data, revision };
}

export type RevisionStep =
  | { readonly step: 'none' }
  | { readonly step: 'create'; readonly revision: RevisionObject }
  /** The template of an older revision is wanted again: that one gets the highest number. */
  | { readonly step: 'renumber'; readonly revision: RevisionObject };

/** What must happen so that the DaemonSet's template is the newest of `owned`. */
export function revisionStep(daemonSet: DaemonSetObject, owned: readonly RevisionObject[]): RevisionStep {
  const highest = Math.max(0, ...owned.map((revision) => revision.revision));
  const data = revisionData(daemonSet);
  const same = owned.find((revision) => isEqualJson(revision.data, data));
  if (same === undefined) return { step: 'create', revision: newRevision(daemonSet, highest + 1) };
  if (same.revision === highest) return { step: 'none' };
  return { step: 'renumber', revision: { ...same, revision: highest + 1 } };
}
