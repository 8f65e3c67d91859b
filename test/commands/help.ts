import assert from 'node:assert/strict';
import type { CommandHandlers } from '../../src/commands/options.ts';
import { EXIT_OK, runProgram } from '../../src/commands/program.ts';

const never = (): Promise<number> => Promise.reject(new Error('a command was started'));
const handlers: CommandHandlers = { run: never, simulate: never, plan: never, status: never, workers: never };

/** What the program, or one of its commands, answers to `--help`. */
export async function helpOf(...command: readonly string[]): Promise<string> {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const code = await runProgram([...command, '--help'], { version: '', handlers, writeOut: write, writeErr: write });
  assert.equal(code, EXIT_OK, text);
  return text;
}

/** The long flags that a text names, each once, sorted. */
export function flagsIn(text: string): readonly string[] {
  return [...new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g))].sort();
}
