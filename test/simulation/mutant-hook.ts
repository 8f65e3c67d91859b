import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { MUTANTS } from './mutant-list.ts';

/**
 * Loaded with `--import` before the program: instead of a module in which the bug is planted that the environment variable names,
 * everybody gets one that exports the same but for what the bug changes. The program itself knows nothing of it.
 */
const name = process.env.SIM_MUTANT;
const mutant = MUTANTS.find((candidate) => candidate.name === name);
assert.ok(mutant !== undefined, `SIM_MUTANT is "${name}", which is no mutant`);
const ROOT = new URL('../../', import.meta.url);
const ORIGINAL = '?original';
const planted = new Map(mutant.plants.map((plant, index) => [new URL(plant.module, ROOT).href, { plant, index }]));

registerHooks({
  load(url, context, nextLoad) {
    const found = planted.get(url);
    if (found === undefined) return nextLoad(url, context);
    const original = JSON.stringify(`${url}${ORIGINAL}`);
    const source = [
      `import { MUTANTS } from ${JSON.stringify(new URL('mutant-list.ts', import.meta.url).href)};`,
      `import * as original from ${original};`,
      `const { plants } = MUTANTS.find(({ name }) => name === ${JSON.stringify(mutant.name)});`,
      `const grown = plants[${found.index}].grow(original);`,
      `export * from ${original};`,
      ...found.plant.names.map((exported) => `export const ${exported} = grown.${exported};`),
    ].join('\n');
    return { format: 'module', source, shortCircuit: true };
  },
});
