import { objectOf } from '../../kube/json-object.ts';
import type { RevisionRecord } from '../../kube/records.ts';
import { templateDigest } from '../../kube/template-digest.ts';
import type { RecordResult } from '../pod-facts.ts';
import { checkNamespaced, controllerUidOf, identityOf, metadataOf, parseObject } from './metadata.ts';
import { integerOf, stringMapOf, timeOf } from './values.ts';

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
        templateDigest: templateDigest(objectOf(objectOf(object.data)?.spec)?.template),
        createdAtMs: timeOf(metadata.creationTimestamp, 'metadata.creationTimestamp') ?? 0,
      },
    };
  });
}
