import type { StatusFacts } from '../status-facts.ts';
import { inline, integer, messageTable, nested, readMessage, text } from './message.ts';
import type { WireReader } from './wire.ts';

// Field numbers: k8s.io/apimachinery meta/v1/generated.proto.

interface CauseDraft {
  reason: string;
  message: string;
}

interface StatusDraft extends StatusFacts {
  reason: string;
  message: string;
  code: number;
  name: string;
  group: string;
  kind: string;
  causes: CauseDraft[];
  retryAfterSeconds: number;
}

const cause = messageTable<CauseDraft>({
  1: text((draft, value) => {
    draft.reason = value;
  }),
  2: text((draft, value) => {
    draft.message = value;
  }),
});

const details = messageTable<StatusDraft>({
  1: text((draft, value) => {
    draft.name = value;
  }),
  2: text((draft, value) => {
    draft.group = value;
  }),
  3: text((draft, value) => {
    draft.kind = value;
  }),
  4: nested({
    table: cause,
    create: (): CauseDraft => ({ reason: '', message: '' }),
    set: (draft, value) => draft.causes.push(value),
  }),
  5: integer((draft, value) => {
    draft.retryAfterSeconds = value;
  }),
});

const status = messageTable<StatusDraft>({
  3: text((draft, value) => {
    draft.message = value;
  }),
  4: text((draft, value) => {
    draft.reason = value;
  }),
  5: inline(details),
  6: integer((draft, value) => {
    draft.code = value;
  }),
});

/** Reads a `meta/v1.Status`; throws `WireError` on garbled bytes. */
export function readStatus(reader: WireReader): StatusFacts {
  const draft: StatusDraft = {
    reason: '',
    message: '',
    code: 0,
    name: '',
    group: '',
    kind: '',
    causes: [],
    retryAfterSeconds: 0,
  };
  readMessage(reader, status, draft);
  return draft;
}
