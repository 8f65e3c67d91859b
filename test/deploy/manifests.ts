import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

/** Parsed YAML whose shape a test asserts as it goes; reading a missing field gives undefined, never an exception. */
export class Yaml {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  /** Follows names and list positions. */
  at(...path: readonly (string | number)[]): Yaml {
    return path.reduce<Yaml>((node, step) => {
      const value = node.value;
      return new Yaml(value !== null && typeof value === 'object' ? Reflect.get(value, step) : undefined);
    }, this);
  }

  /** The elements of a list; none when it is no list. */
  items(): readonly Yaml[] {
    return Array.isArray(this.value) ? this.value.map((item) => new Yaml(item)) : [];
  }

  strings(): readonly string[] {
    return this.items().map((item) => item.text());
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : '';
  }
}

export interface Manifest {
  readonly file: string;
  readonly yaml: Yaml;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function readYaml(path: string): Yaml {
  return new Yaml(parse(readText(path)));
}

/** Every object in the YAML files of a folder, but the kustomization itself. Throws on a syntax error. */
export function readManifests(folder: string): readonly Manifest[] {
  return globSync(`${folder}/*.yaml`, { cwd: root })
    .filter((file) => !file.endsWith('kustomization.yaml'))
    .flatMap((file) =>
      parseAllDocuments(readText(file)).map((document) => {
        if ('errors' in document && document.errors.length > 0)
          throw new Error(`${file}: ${document.errors[0]?.message}`);
        return { file, yaml: new Yaml(document.toJS()) };
      }),
    );
}

/** The only object of that kind in deploy/base. */
export function baseObject(kind: string, name?: string): Yaml {
  const found = readManifests('deploy/base').filter(
    ({ yaml }) =>
      yaml.at('kind').text() === kind && (name === undefined || yaml.at('metadata', 'name').text() === name),
  );
  const only = found[0];
  if (only === undefined || found.length > 1)
    throw new Error(`deploy/base has ${found.length} objects ${kind} ${name ?? ''}`);
  return only.yaml;
}
