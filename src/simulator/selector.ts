import { getField } from './fields.ts';
import type { LabelSelector, Labels, Requirement, SimObject } from './objects.ts';

export type Matcher = (object: SimObject) => boolean;

const NO_LABELS: Labels = {};

/** Whether the labels meet a requirement; `Gt` and `Lt` compare integers, as node selectors do. */
export function matchesRequirement(labels: Labels, requirement: Requirement): boolean {
  const value = labels[requirement.key];
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

export function matchesLabelSelector(selector: LabelSelector, labels: Labels | undefined): boolean {
  const present = labels ?? NO_LABELS;
  for (const [key, value] of Object.entries(selector.matchLabels ?? NO_LABELS))
    if (present[key] !== value) return false;
  return (selector.matchExpressions ?? []).every((requirement) => matchesRequirement(present, requirement));
}

/** A term of the text form: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`. Undefined when malformed. */
function parseTerm(term: string): Requirement | undefined {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(term);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const equality = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(term);
  if (equality !== null) {
    return { key: equality[1] ?? '', operator: equality[2] === '!=' ? 'NotIn' : 'In', values: [equality[3] ?? ''] };
  }
  const existence = /^(!?)\s*([^\s=!(),]+)$/.exec(term);
  if (existence === null) return undefined;
  return { key: existence[2] ?? '', operator: existence[1] === '!' ? 'DoesNotExist' : 'Exists' };
}

function parseTerms(text: string): readonly Requirement[] | undefined {
  const requirements: Requirement[] = [];
  for (const term of text.split(/,(?![^()]*\))/)) {
    const requirement = parseTerm(term.trim());
    if (requirement === undefined) return undefined;
    requirements.push(requirement);
  }
  return requirements;
}

/** The query parameter `labelSelector`; undefined when malformed. */
export function parseLabelSelector(text: string): Matcher | undefined {
  if (text === '') return () => true;
  const requirements = parseTerms(text);
  if (requirements === undefined) return undefined;
  return (object) => {
    const labels = object.metadata.labels ?? NO_LABELS;
    for (const requirement of requirements) if (!matchesRequirement(labels, requirement)) return false;
    return true;
  };
}

/** The query parameter `fieldSelector` (`=`, `==`, `!=` over the allowed fields); undefined when malformed or not allowed. */
export function parseFieldSelector(text: string, allowed: readonly string[]): Matcher | undefined {
  if (text === '') return () => true;
  const requirements = parseTerms(text);
  if (requirements === undefined) return undefined;
  for (const requirement of requirements) {
    if (!allowed.includes(requirement.key) || requirement.values?.length !== 1) return undefined;
  }
  return (object) =>
    requirements.every((requirement) => {
      const isEqual = String(getField(object, requirement.key) ?? '') === requirement.values?.[0];
      return requirement.operator === 'In' ? isEqual : !isEqual;
    });
}
