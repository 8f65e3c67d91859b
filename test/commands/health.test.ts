import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamContact } from '../../src/manager/cluster-reader.ts';
import { type HealthSources, healthChecks } from '../../src/manager/health.ts';
import { Metrics } from '../../src/server/metrics.ts';

function contact(stream: string, changes: Partial<StreamContact> = {}): StreamContact {
  return { stream, silentMs: 0, failingMs: 0, reason: '', ...changes };
}

function failing(stream: string, failingMs: number): StreamContact {
  return contact(stream, { silentMs: failingMs, failingMs, reason: 'not allowed to watch' });
}

/** What `/readyz` (or `/healthz`) finds wrong. */
function problems(contacts: readonly StreamContact[], kind: 'live' | 'ready' = 'ready', hasSynced = true): string[] {
  const updater: HealthSources = {
    host: { controller: { hasSynced }, reader: { contacts: () => contacts } },
    pool: { health: () => ({ isHealthy: true, reason: '' }) },
  };
  return healthChecks(updater, { problem: undefined })[kind].flatMap((check) => {
    const problem = check.problem();
    return problem === undefined ? [] : [`${check.name}: ${problem}`];
  });
}

test('health: all streams in contact, or failing for less than a minute → ready', () => {
  assert.deepEqual(problems([contact('nodes', { silentMs: 89_000 }), failing('daemonsets', 59_999)]), []);
});

test('health: a stream fails for a minute after the first list → not ready, with which and why; still alive', () => {
  const contacts = [contact('nodes'), failing('pods of edge/agent', 73_000)];
  assert.deepEqual(problems(contacts), ['watches: pods of edge/agent: failing for 73 s: not allowed to watch']);
  assert.deepEqual(problems(contacts, 'live'), []);
});

test('health: many streams fail → five are named, the others counted', () => {
  const contacts = Array.from({ length: 200 }, (_, i) => failing(`pods of edge/a${i}`, 60_000));
  const [said = ''] = problems(contacts);
  assert.match(said, /pods of edge\/a4: failing for 60 s: not allowed to watch; and 195 more$/);
  assert.doesNotMatch(said, /a5/);
});

test('health: not synced → the failures of the streams, or that it still reads', () => {
  assert.deepEqual(problems([failing('nodes', 1)], 'ready', false), ['informers-synced: nodes: not allowed to watch']);
  assert.deepEqual(problems([contact('nodes')], 'ready', false), [
    'informers-synced: the first lists are still being read',
  ]);
});

test('health: a lane that dies again and again → neither alive nor ready, with the reason', () => {
  const updater: HealthSources = {
    host: { controller: { hasSynced: true }, reader: { contacts: () => [] } },
    pool: { health: () => ({ isHealthy: false, reason: 'lane 1 died 5 times in a row, last: exit' }) },
  };
  const { live, ready } = healthChecks(updater, { problem: undefined });
  for (const checks of [live, ready]) {
    const failing = checks.flatMap((check) => (check.problem() === undefined ? [] : [[check.name, check.problem()]]));
    assert.deepEqual(failing, [['worker-threads', 'lane 1 died 5 times in a row, last: exit']]);
  }
});

test('health: the API server does not answer → not ready, with why; still alive', () => {
  const updater: HealthSources = {
    host: { controller: { hasSynced: true }, reader: { contacts: () => [] } },
    pool: { health: () => ({ isHealthy: true, reason: '' }) },
  };
  const { live, ready } = healthChecks(updater, { problem: 'connection-refused' });
  assert.ok(live.every((check) => check.problem() === undefined));
  assert.equal(ready.find(({ name }) => name === 'api-server')?.problem(), 'no answer: connection-refused');
});

test('metrics: staleness → a series a resource, from the start', async () => {
  const metrics = new Metrics({ host: 'h', leaseName: 'l', laneCount: 0 });
  metrics.setWatchStaleness('pods', 73_500);
  const text = await metrics.text();
  assert.match(text, /^daemonpodupdater_watch_staleness_seconds\{resource="pods"\} 73\.5$/m);
  assert.match(text, /^daemonpodupdater_watch_staleness_seconds\{resource="controllerrevisions"\} 0$/m);
});
