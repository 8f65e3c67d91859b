import { getSystemErrorMessage } from 'node:util';
import { oneLine } from '../kube/one-line.ts';

const MESSAGE_CHARACTERS_MAX = 2000;
const STACK_LINES_MAX = 30;

/**
 * What is said about an error that ends the program. What is expected says all in its message, on one line; anything else
 * is a bug, and its stack says where. Both may quote what others wrote.
 */
export function fatalText(error: unknown): string {
  if (!(error instanceof Error)) return line(String(error));
  const isBug = error instanceof TypeError || error instanceof ReferenceError || error.name === 'AssertionError';
  if (!isBug || error.stack === undefined) return line(error.message);
  return error.stack
    .split('\n', STACK_LINES_MAX)
    .map((text) => (/^\s+at /.test(text) ? `    ${line(text)}` : line(text)))
    .join('\n');
}

/** Why the operating system refused: `no such file or directory`. */
export function systemReason(error: unknown): string {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? fatalText(error) : getSystemErrorMessage(errno);
}

function line(text: string): string {
  return oneLine(text, MESSAGE_CHARACTERS_MAX);
}
