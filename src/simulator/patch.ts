import { isFields } from './fields.ts';

type Fields = Record<string, unknown>;

/** JSON merge patch (RFC 7386). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

/** The field that tells the items of a list apart in a strategic merge, by the list's name; other lists are replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  conditions: 'type',
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  ownerReferences: 'uid',
  taints: 'key',
  addresses: 'type',
  hostIPs: 'ip',
  podIPs: 'ip',
  imagePullSecrets: 'name',
};

/** Lists of plain values that are merged as sets. */
const SET_LISTS: readonly string[] = ['finalizers'];

/** Kubernetes' strategic merge patch, with the directives `$patch` (`delete`, `replace`) and `$deleteFromPrimitiveList`. */
export function strategicMerge(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  if (patch.$patch === 'replace') return withoutDirectives(patch);
  if (patch.$patch === 'delete') return {};
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) applyDirective(result, name, value);
    else if (value === null) delete result[name];
    else result[name] = mergeField(name, result[name], value);
  }
  return result;
}

function mergeField(name: string, present: unknown, value: unknown): unknown {
  if (!Array.isArray(value)) return strategicMerge(present, value);
  const items: readonly unknown[] = Array.isArray(present) ? present : [];
  if (SET_LISTS.includes(name)) return [...new Set([...items, ...value])];
  const key = MERGE_KEYS[name];
  return key === undefined ? value : mergeItems(items, value, key);
}

function mergeItems(present: readonly unknown[], patches: readonly unknown[], key: string): unknown[] {
  if (patches.some((patch) => isFields(patch) && patch.$patch === 'replace' && !(key in patch))) {
    return patches.filter((patch) => isFields(patch) && patch.$patch !== 'replace');
  }
  const result = [...present];
  for (const patch of patches) {
    if (!isFields(patch)) continue;
    const index = result.findIndex((item) => isFields(item) && item[key] === patch[key]);
    if (patch.$patch === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) {
      result[index] = strategicMerge(result[index], patch);
    } else {
      result.push(strategicMerge({}, patch));
    }
  }
  return result;
}

function applyDirective(result: Fields, directive: string, value: unknown): void {
  const [kind, name = ''] = directive.split('/');
  if (kind !== '$deleteFromPrimitiveList' || !Array.isArray(value)) return;
  const present = result[name];
  if (Array.isArray(present)) result[name] = present.filter((item) => !value.includes(item));
}

function withoutDirectives(patch: Fields): Fields {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')));
}
