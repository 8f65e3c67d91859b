import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReaderProblems } from '../../src/manager/reader-problems.ts';

function problemsOf() {
  const said: string[] = [];
  const counted: string[] = [];
  const metrics = {
    watchRestarted: (resource: string) => counted.push(`restarted ${resource}`),
    objectLeftOut: (resource: string) => counted.push(`left out ${resource}`),
  };
  const problems = new ReaderProblems(metrics, (level, message, { stream, detail, count, durationMs }) => {
    if (level === 'warn') said.push(`${message}: ${stream}: ${detail}${count === undefined ? '' : ` (${count})`}`);
    if (level === 'info') said.push(`${message}: ${stream}: ${count} in ${durationMs} ms`);
  });
  const note = (stream: string, phase: 'watch' | 'object', message: string, nowMs: number) =>
    problems.note({ stream, problem: { phase, code: 'malformed', message, retryInMs: 0 } }, nowMs);
  const look = (reasons: Readonly<Record<string, string>>, nowMs: number) => {
    const contacts = Object.entries(reasons).map(([stream, reason]) => ({ stream, reason, silentMs: 0, failingMs: 0 }));
    problems.look(contacts, nowMs);
  };
  return { said, counted, note, look };
}

test('reader problems: watches fail at every attempt → counted each time, said of each stream at once, once a minute, and when it is over', () => {
  const { said, counted, note, look } = problemsOf();
  for (let second = 0; second <= 90; second += 2) {
    for (const stream of ['nodes', 'pods of edge/agent']) note(stream, 'watch', 'refused', second * 1000);
    look({ nodes: 'refused', 'pods of edge/agent': 'refused' }, second * 1000 + 500);
  }
  look({ nodes: '', 'pods of edge/agent': 'refused' }, 91_000);
  look({ nodes: '', 'pods of edge/agent': 'refused' }, 92_000);
  assert.equal(counted.filter((one) => one === 'restarted nodes').length, 46);
  assert.deepEqual(said, [
    'watch interrupted: nodes: refused',
    'watch interrupted: pods of edge/agent: refused',
    'watch interrupted: nodes: refused (30)',
    'watch interrupted: pods of edge/agent: refused (30)',
    'watch works again: nodes: 46 in 91000 ms',
  ]);
});

test('reader problems: a stream that nobody reads any more → forgotten; read again, its first interruption is said at once', () => {
  const { said, note, look } = problemsOf();
  note('pods of edge/agent', 'watch', 'refused', 0);
  look({}, 1000);
  look({ 'pods of edge/agent': '' }, 2000);
  note('pods of edge/agent', 'watch', 'refused', 3000);
  assert.deepEqual(said, Array(2).fill('watch interrupted: pods of edge/agent: refused'));
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
