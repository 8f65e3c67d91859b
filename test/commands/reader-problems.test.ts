import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReaderProblems } from '../../src/commands/wiring/reader-problems.ts';

function problemsOf() {
  const said: string[] = [];
  const counted: string[] = [];
  const metrics = {
    watchRestarted: (resource: string) => counted.push(`restarted ${resource}`),
    objectLeftOut: (resource: string) => counted.push(`left out ${resource}`),
  };
  const problems = new ReaderProblems(metrics, (level, message, { stream, detail, count }) => {
    if (level === 'warn') said.push(`${message}: ${stream}: ${detail}${count === undefined ? '' : ` (${count})`}`);
  });
  const note = (stream: string, phase: 'watch' | 'object', message: string, nowMs: number) =>
    problems.note({ stream, problem: { phase, code: 'malformed', message, retryInMs: 0 } }, nowMs);
  return { said, counted, note };
}

test('reader problems: a watch ends with a problem → counted and said each time', () => {
  const { said, counted, note } = problemsOf();
  for (const nowMs of [0, 1]) note('pods of edge/agent', 'watch', 'object edge/x has 5000000 bytes', nowMs);
  assert.deepEqual(counted, ['restarted pods', 'restarted pods']);
  assert.equal(said.length, 2);
  assert.equal(said[0], 'watch interrupted: pods of edge/agent: object edge/x has 5000000 bytes');
});

test('reader problems: an object is left out with each of its changes → counted each time, said at once and then once a minute', () => {
  const { said, counted, note } = problemsOf();
  for (let second = 0; second <= 60; second += 1) note('nodes', 'object', 'node n1: too many values', second * 1000);
  note('daemonsets', 'object', 'object a/b: too much text', 60_001);
  assert.equal(counted.length, 62);
  assert.deepEqual([counted[0], counted.at(-1)], ['left out nodes', 'left out daemonsets']);
  assert.deepEqual(said, [
    'object left out: nodes: node n1: too many values',
    'object left out: nodes: node n1: too many values (60)',
    'object left out: daemonsets: object a/b: too much text',
  ]);
});
