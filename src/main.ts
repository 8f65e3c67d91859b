#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import type { CommandHandlers } from './commands/options.ts';

/** Below, parts of the language and of Node that this program uses are missing. */
const NODE_MAJOR_MIN = 24;
/** What still keeps the process alive that long after its work is done must not keep it for ever. */
const LINGER_MS = 5_000;

/** Each command is loaded when it is called, so that help and mistakes are answered at once. */
const handlers: CommandHandlers = {
  run: async (options) => (await import('./commands/run.ts')).run(options),
  simulate: async (options) => (await import('./commands/simulate.ts')).simulate(options),
  plan: async (options) => (await import('./commands/plan.ts')).plan(options),
  status: async (options) => (await import('./commands/status.ts')).status(options),
  workers: async (options) => (await import('./commands/workers.ts')).workers(options),
};

async function main(): Promise<number> {
  const { node } = process.versions;
  if (Number.parseInt(node, 10) < NODE_MAJOR_MIN) {
    process.stderr.write(
      `error: daemonpodupdater needs Node.js ${NODE_MAJOR_MIN} or newer; this is ${node} (${process.execPath})\n`,
    );
    return 1;
  }
  const { EXIT_FAILED, runProgram } = await import('./commands/program.ts');
  const { version } = (await import('../package.json', { with: { type: 'json' } })).default;
  try {
    return await runProgram(process.argv.slice(2), {
      version,
      handlers,
      writeOut: (text) => process.stdout.write(text),
      writeErr: (text) => process.stderr.write(text),
    });
  } catch (error) {
    const { fatalText } = await import('./manager/fatal-text.ts');
    process.stderr.write(`error: ${fatalText(error)}\n`);
    return EXIT_FAILED;
  }
}

// Whoever reads the output has seen enough, as in `| head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});
// Before anything is imported. Where its folder cannot be written it says so in its result, and nothing else happens.
enableCompileCache();
process.exitCode = await main();
// Unreferenced: it fires only when something else keeps the process alive. Profiles are written on a normal end.
setTimeout(() => process.exit(), LINGER_MS).unref();
