import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotKey } from '../../src/protocol/slot.ts';
import { DeletionLog } from './repeat-rule.ts';

const SLOT = slotKey('default/agent' as never, 'n1');

/** What is wrong with the last of deletions that are a second apart, each for a revision. */
function judged(hashes: string): string {
  const log = new DeletionLog();
  let wrong = '';
  for (const [index, hash] of [...hashes].entries()) {
    wrong = log.add(SLOT, { uid: `${index}`, hash, nodeUid: 'n', atMs: 1000 * index });
  }
  return wrong;
}

for (const [hashes, isWrong] of [
  ['aa', false],
  ['aaa', true],
  ['ababa', true],
  ['abaca', false],
  ['abacaca', true],
] as const) {
  test(`simulation: pods of a node deleted for ${hashes} → ${isWrong ? 'too often' : 'not too often'}`, () => {
    assert.equal(judged(hashes) !== '', isWrong, judged(hashes));
  });
}
