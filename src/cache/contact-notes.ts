import type { ObjectRecord } from '../kube/records.ts';
import type { Contact } from './contact.ts';
import type { ReflectorEffect, ReflectorInput } from './reflector-types.ts';

/** What a reflector's inputs tell. That a watch was accepted is none of them: the shell says so itself. */
export function noteInput<T extends ObjectRecord>(contact: Contact, input: ReflectorInput<T>, nowMs: number): void {
  switch (input.type) {
    case 'page':
      contact.heard(nowMs);
      break;
    case 'events':
      // A refusal in the middle of a watch is no sign of life of what is watched.
      if (input.events.some(({ type }) => type !== 'error')) contact.received(nowMs);
      break;
    case 'relist':
    case 'watch-ended':
    case 'watch-failed':
      contact.closed(nowMs);
      break;
    case 'start':
    case 'list-failed':
    case 'woke':
    case 'stop':
      break;
  }
}

/** What of a reflector's effects tells that contact is failing. */
export function noteEffect<T extends ObjectRecord>(contact: Contact, effect: ReflectorEffect<T>, nowMs: number): void {
  if (effect.type === 'problem' && effect.problem.phase !== 'object') contact.failed(effect.problem.message, nowMs);
}
