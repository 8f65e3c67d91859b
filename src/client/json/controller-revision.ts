import type { RevisionRecord } from '../../kube/records.ts';
import { templateDigest } from '../../kube/template-digest.ts';
import type { RecordResult } from '../pod-facts.ts';
import { checkNamespaced, controllerUidOf, identityOf, metadataOf, parseObject } from './metadata.ts';
import { type Fields, integerOf, stringMapOf, timeOf } from './values.ts';

/** Reads an `apps/v1` ControllerRevision. Its data may be anything: of the pod template in there nothing is kept but a digest. */
export function parseControllerRevision(json: unknown): RecordResult<RevisionRecord> {
  return parseObject('controllerrevision', json, (object) => {
    const metadata = metadataOf(object);
    const identity = identityOf(metadata);
    checkNamespaced(identity);
    const labels = stringMapOf(metadata.labels, 'metadata.labels');
    return {
      ok: true,
      record: {
        ...identity,
        ownerUid: controllerUidOf(metadata),
        revision: integerOf(object.revision, 'revision'),
        hash: labels['controller-revision-hash'] ?? '',
        templateDigest: templateDigest(templateIn(object.data)),
        createdAtMs: timeOf(metadata.creationTimestamp, 'metadata.creationTimestamp') ?? 0,
      },
    };
  });
}

function templateIn(data: unknown): unknown {
  let value = data;
  for (const name of ['spec', 'template']) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Fields)[name];
  }
  return value;
}
