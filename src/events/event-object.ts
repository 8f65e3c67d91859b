import { oneLine } from '../kube/one-line.ts';
import { type EventEffect, subjectOf } from './event-correlator.ts';

/** What events.k8s.io/v1 allows. */
const NOTE_BYTES_MAX = 1024;
const WORD_LENGTH_MAX = 128;

export interface EventReporter {
  /** A qualified name. */
  readonly controller: string;
  /** Which process: the pod's name, or the host's. */
  readonly instance: string;
}

export function namespaceOf(effect: EventEffect): string {
  const subject = subjectOf(effect.event);
  return subject.slice(0, subject.indexOf('/'));
}

/** An `events.k8s.io/v1` Event. */
export function eventObject(effect: Extract<EventEffect, { type: 'create' }>, reporter: EventReporter): unknown {
  const { event, name, eventTimeMs } = effect;
  const namespace = namespaceOf(effect);
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(eventTimeMs),
    reportingController: reporter.controller,
    reportingInstance: reporter.instance.slice(0, WORD_LENGTH_MAX),
    action: event.action.slice(0, WORD_LENGTH_MAX),
    reason: event.reason.slice(0, WORD_LENGTH_MAX),
    regarding: {
      ...('pod' in event ? { apiVersion: 'v1', kind: 'Pod' } : { apiVersion: 'apps/v1', kind: 'DaemonSet' }),
      namespace,
      name: subjectOf(event).slice(namespace.length + 1),
      uid: event.uid,
    },
    note: clipUtf8(oneLine(event.message, NOTE_BYTES_MAX), NOTE_BYTES_MAX),
    type: event.type,
  };
}

/** A merge patch. */
export function seriesPatch(effect: Extract<EventEffect, { type: 'patch' }>): unknown {
  return { series: { count: effect.count, lastObservedTime: microTime(effect.lastObservedTimeMs) } };
}

/** At most so many bytes as UTF-8, ending with '…' when something was cut, never within a character. */
export function clipUtf8(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(bytesMax);
  if (encoder.encodeInto(text, bytes).read === text.length) return text;
  const ellipsis = '…';
  const { read } = encoder.encodeInto(text, bytes.subarray(0, bytesMax - encoder.encode(ellipsis).length));
  return text.slice(0, read) + ellipsis;
}

/** Kubernetes' MicroTime wants exactly six digits. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
