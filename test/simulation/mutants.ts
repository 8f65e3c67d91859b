import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutant-list.ts';

/**
 * `npm run sim:mutants`: plants one bug after the other and counts the seeds until the rule that is meant to see it does. Exit
 * code 1 when a bug survives, or does not fit the program any more.
 */
export interface Verdict {
  readonly mutant: Mutant;
  /** Undefined: it survived. */
  readonly seeds: number | undefined;
  readonly rule: string;
  readonly problem: string;
}

const ROOT = new URL('../../', import.meta.url);
const HOOK = new URL('mutant-hook.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** What a mutant wants to change and nobody exports: the program has changed, and the mutant must follow. */
export async function misfits({ name, plants }: Mutant): Promise<string[]> {
  const missing: string[] = [];
  for (const { module, names } of plants) {
    const exports = (await import(new URL(module, ROOT).href)) as Readonly<Record<string, unknown>>;
    for (const exported of names) if (!(exported in exports)) missing.push(`${name}: ${module} exports no ${exported}`);
  }
  return missing;
}

/** Runs seeds in a process of its own, with the bug planted, until one fails by the rule that is meant to see it. */
export function hunt(mutant: Mutant, seeds: number, first = 1): Promise<Verdict> {
  const range = ['--seed', String(first), '--seeds', String(seeds)];
  const until = ['--stop-at-first', '--only-rule', mutant.rule];
  const args = [...process.execArgv, '--import', HOOK, MAIN, ...range, ...until, '--report', 'json'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, SIM_MUTANT: mutant.name },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let problem = '';
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      problem = (problem + String(chunk)).slice(-2000);
    });
    child.on('error', reject);
    child.on('close', () => resolve(verdictOf(mutant, output, problem)));
  });
}

function verdictOf(mutant: Mutant, output: string, problem: string): Verdict {
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) return { mutant, seeds: undefined, rule: '', problem };
  const { seed, rule } = JSON.parse(line) as { readonly seed: number; readonly rule: string };
  return { mutant, seeds: seed, rule, problem: '' };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '1000' }, only: { type: 'string', default: '' } },
  });
  const wanted = values.only === '' ? MUTANTS : MUTANTS.filter(({ name }) => values.only.split(',').includes(name));
  const unfit = (await Promise.all(wanted.map(misfits))).flat();
  for (const text of unfit) console.error(text);
  if (unfit.length > 0) return 1;
  console.log('| planted bug | seeds | found by the rule |\n| --- | --- | --- |');
  let survivors = 0;
  for (const mutant of wanted) {
    const { seeds, rule, problem } = await hunt(mutant, Number(values.seeds));
    if (seeds === undefined) survivors += 1;
    const found =
      seeds === undefined
        ? `**not seen in ${values.seeds}** | ${mutant.rule}: ${problem.trim().split('\n').at(-1)}`
        : `${seeds} | ${rule}`;
    console.log(`| ${mutant.name}: ${mutant.bug} | ${found} |`);
  }
  console.log(`\n${wanted.length - survivors} of ${wanted.length} planted bugs found`);
  return survivors === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
