import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutant-list.ts';

/**
 * Loaded with `--import` before the program: plants the bug that the environment variable names into the program's text as
 * it is read. The program itself knows nothing of it.
 */
const name = process.env.SIM_MUTANT;
const mutant = MUTANTS.find((candidate) => candidate.name === name);
assert.ok(mutant !== undefined, `SIM_MUTANT is "${name}", which is no mutant`);
const root = fileURLToPath(new URL('../../', import.meta.url));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:')) return loaded;
    const path = fileURLToPath(url);
    const patches = mutant.patches.filter(({ file }) => path === `${root}${file}`);
    if (patches.length === 0) return loaded;
    let source = String(loaded.source);
    for (const { file, find, replace } of patches) {
      assert.equal(source.split(find).length, 2, `${mutant.name}: the text occurs once in ${file}`);
      source = source.replace(find, () => replace);
    }
    return { ...loaded, source };
  },
});
