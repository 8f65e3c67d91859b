import type { LabelSelector, NodeRecord, NodeSelectorTerm, SelectorRequirement } from './records.ts';

export type Labels = Readonly<Record<string, string>>;

/** An empty selector matches everything; a requirement that is not valid matches nothing. */
export function matchesLabelSelector(selector: LabelSelector, labels: Labels): boolean {
  return (
    matchesLabels(selector.matchLabels, labels) &&
    selector.matchExpressions.every((requirement) => matchesRequirement(requirement, labels))
  );
}

/** Whether `labels` holds every pair of `wanted`. */
export function matchesLabels(wanted: Labels, labels: Labels): boolean {
  for (const key in wanted) {
    if (labelOf(labels, key) !== wanted[key]) return false;
  }
  return true;
}

/**
 * The `labelSelector` query parameter (not yet URL-encoded): one text for equal selectors, requirements in sorted order.
 * '' selects everything. Undefined: the selector has a requirement that is not valid, so it selects nothing and there is
 * nothing to ask the API server for.
 */
export function labelSelectorQuery(selector: LabelSelector): string | undefined {
  const parts = Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values } of selector.matchExpressions) {
    const list = [...new Set(values)].sort().join(',');
    if (operator === 'In' && values.length > 0) parts.push(`${key} in (${list})`);
    else if (operator === 'NotIn' && values.length > 0) parts.push(`${key} notin (${list})`);
    else if (operator === 'Exists') parts.push(key);
    else if (operator === 'DoesNotExist') parts.push(`!${key}`);
    else return undefined;
  }
  return [...new Set(parts)].sort().join(',');
}

/**
 * Whether one node selector term matches: all requirements of both lists; a term without any matches nothing.
 *
 * Source: k8s.io/component-helpers scheduling/corev1/nodeaffinity.
 */
export function matchesNodeSelectorTerm(term: NodeSelectorTerm, node: NodeRecord): boolean {
  if (term.matchExpressions.length === 0 && term.matchFields.length === 0) return false;
  return (
    term.matchExpressions.every((requirement) => matchesNodeRequirement(requirement, node.labels)) &&
    term.matchFields.every((requirement) => matchesField(requirement, node))
  );
}

/** A requirement on a node's labels: those of label selectors, and `Gt` and `Lt`. */
export function matchesNodeRequirement(requirement: SelectorRequirement, labels: Labels): boolean {
  if (requirement.operator !== 'Gt' && requirement.operator !== 'Lt') return matchesRequirement(requirement, labels);
  if (requirement.values.length !== 1) return false;
  const order = compareIntegers(labelOf(labels, requirement.key), requirement.values[0]);
  return order !== undefined && (requirement.operator === 'Gt' ? order > 0 : order < 0);
}

function matchesRequirement({ key, operator, values }: SelectorRequirement, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return values.length > 0 && (value === undefined || !values.includes(value));
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

function matchesField({ key, operator, values }: SelectorRequirement, node: NodeRecord): boolean {
  if (key !== 'metadata.name' || values.length !== 1) return false;
  if (operator === 'In') return values[0] === node.name;
  return operator === 'NotIn' && values[0] !== node.name;
}

/** Labels come from outside: `constructor` is a label only when somebody set it. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

const INTEGER = /^[+-]?\d{1,19}$/;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The sign of `left - right` as 64-bit integers; undefined when one of them is none (Go's strconv.ParseInt). */
export function compareIntegers(left: string | undefined, right: string | undefined): number | undefined {
  const a = parseInt64(left);
  const b = parseInt64(right);
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 0;
  return a > b ? 1 : -1;
}

function parseInt64(text: string | undefined): bigint | undefined {
  if (text === undefined || !INTEGER.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value <= INT64_MAX && value >= INT64_MIN ? value : undefined;
}
