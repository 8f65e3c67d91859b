import type { ApiRequest } from '../client/api-request.ts';
import { parseControllerRevision } from '../client/json/controller-revision.ts';
import { parseDaemonSet } from '../client/json/daemon-set.ts';
import { JsonListReader } from '../client/json/list.ts';
import { parseNode } from '../client/json/node.ts';
import { parsePod } from '../client/json/pod.ts';
import { JsonWatchReader } from '../client/json/watch.ts';
import type { ObjectName, RecordResult } from '../client/pod-facts.ts';
import { ProtobufListReader } from '../client/protobuf/list.ts';
import { readNode } from '../client/protobuf/node.ts';
import { readPod } from '../client/protobuf/pod.ts';
import { ProtobufWatchReader } from '../client/protobuf/watch.ts';
import type { WireReader } from '../client/protobuf/wire.ts';
import type { ListReader, WatchReader } from '../client/readers.ts';
import {
  type ListQuery,
  listRequest,
  PROTOBUF,
  type Selection,
  type WatchQuery,
  watchRequest,
} from '../client/requests.ts';
import type { DaemonSetRecord, NodeRecord, ObjectRecord, PodRecord, RevisionRecord } from '../kube/records.ts';
import type { WhatIsLeft } from './reflector-types.ts';

/** Where a reflector's objects come from: the requests to make and how to read the answers. */
export interface ResourceSource<T extends ObjectRecord> {
  /** The resource, such as `pods`. */
  readonly name: string;
  /** Objects in a page. */
  readonly pageLimit: number;
  list(query: ListQuery): ApiRequest;
  watch(query: WatchQuery): ApiRequest;
  /** The API server answers in the form it prefers of those that are accepted. */
  listReader(contentType: string): ListReader<T>;
  watchReader(contentType: string): WatchReader<T>;
  whatIsLeft(...args: Parameters<WhatIsLeft<T>>): T | undefined;
}

interface Codec<T extends ObjectRecord> {
  readonly fromJson: (json: unknown) => RecordResult<T>;
  readonly fromProtobuf?: (reader: WireReader) => RecordResult<T>;
  readonly whatIsLeft: WhatIsLeft<T>;
}

const JSON_TYPE = 'application/json';

function source<T extends ObjectRecord>(
  selection: Omit<Selection, 'accept'>,
  pageLimit: number,
  codec: Codec<T>,
): ResourceSource<T> {
  const { fromJson, fromProtobuf, whatIsLeft } = codec;
  const full = { ...selection, accept: fromProtobuf === undefined ? JSON_TYPE : `${PROTOBUF},${JSON_TYPE}` };
  const readerOf = (contentType: string) => (contentType.startsWith(PROTOBUF) ? fromProtobuf : undefined);
  return {
    name: selection.resource,
    pageLimit,
    list: (query) => listRequest(full, query),
    watch: (query) => watchRequest(full, query),
    listReader: (contentType) => {
      const read = readerOf(contentType);
      return read === undefined ? new JsonListReader(fromJson) : new ProtobufListReader(read);
    },
    watchReader: (contentType) => {
      const read = readerOf(contentType);
      return read === undefined ? new JsonWatchReader(fromJson) : new ProtobufWatchReader(read);
    },
    whatIsLeft,
  };
}

/** What it was, and that it is so no more. Without a version, so that whatever comes next is news. */
function outdated<T extends ObjectRecord>(known: T, message: string): T {
  return { ...known, resourceVersion: '', unreadable: message };
}

/** One that nobody could read before counts as missing: where it belongs is not known. */
function podLeft(_name: ObjectName, message: string, known: PodRecord | undefined) {
  return known && outdated(known, message);
}

/** Whether a DaemonSet that never could be read asks for anything is not known, so it does not. */
function daemonSetLeft(_name: ObjectName, message: string, known: DaemonSetRecord | undefined) {
  return known && outdated(known, message);
}

/** Deletions depend on the one that is not known, so it is not left away, even if it is new. */
function nodeLeft(name: ObjectName, message: string, known: NodeRecord | undefined): NodeRecord {
  const never = { labels: {}, taints: [], createdAtMs: 0, isReady: false, readyChangedAtMs: undefined };
  return outdated(known ?? { ...name, uid: '', resourceVersion: '', ...never }, message);
}

function revisionLeft(name: ObjectName, message: string, known: RevisionRecord | undefined): RevisionRecord {
  const never = { ownerUid: undefined, revision: 0, hash: '', templateDigest: '', createdAtMs: 0 };
  return outdated(known ?? { ...name, uid: '', resourceVersion: '', ...never }, message);
}

/** Pages of pods and nodes are decoded while they arrive, so they may be large. */
const STREAMED_PAGE_LIMIT = 500;
/** A page in JSON is parsed in one go (about 10 ms for 100 DaemonSets). */
const JSON_PAGE_LIMIT = 100;

export function podSource(options: {
  readonly namespace: string;
  readonly labelSelector: string;
}): ResourceSource<PodRecord> {
  return source({ resource: 'pods', ...options }, STREAMED_PAGE_LIMIT, {
    fromJson: parsePod,
    fromProtobuf: readPod,
    whatIsLeft: podLeft,
  });
}

export function nodeSource(): ResourceSource<NodeRecord> {
  const selection = { resource: 'nodes', namespace: '', labelSelector: '' } as const;
  return source(selection, STREAMED_PAGE_LIMIT, {
    fromJson: parseNode,
    fromProtobuf: readNode,
    whatIsLeft: nodeLeft,
  });
}

/** `namespace` '' for all. */
export function daemonSetSource(options: { readonly namespace: string }): ResourceSource<DaemonSetRecord> {
  const selection = { resource: 'daemonsets', namespace: options.namespace, labelSelector: '' } as const;
  return source(selection, JSON_PAGE_LIMIT, { fromJson: parseDaemonSet, whatIsLeft: daemonSetLeft });
}

export function revisionSource(options: {
  readonly namespace: string;
  readonly labelSelector: string;
}): ResourceSource<RevisionRecord> {
  return source({ resource: 'controllerrevisions', ...options }, JSON_PAGE_LIMIT, {
    fromJson: parseControllerRevision,
    whatIsLeft: revisionLeft,
  });
}
