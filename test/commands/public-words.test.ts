import { test } from 'node:test';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../../src/commands/program.ts';
import { runDefinition } from '../../src/commands/run-flags.ts';
import { simulateDefinition } from '../../src/commands/simulate-flags.ts';
import { planDefinition, statusDefinition } from '../../src/commands/view-flags.ts';
import { workersDefinition } from '../../src/commands/workers-flags.ts';
import { REASONS } from '../../src/controller/statements.ts';
import { KNOWN_ANNOTATIONS } from '../../src/kube/annotations.ts';
import { EXCLUDE_LABEL } from '../../src/kube/eligibility.ts';
import { EXIT_CODES } from '../../src/manager/shutdown.ts';
import * as metrics from '../../src/server/metric-names.ts';
import { NODE_REASONS, ROLLOUT_REASONS, ROLLOUT_STATES, SIMULATION_REASONS } from '../../src/status/codes.ts';
import { schemaFiles } from '../../src/status/documents.ts';

/**
 * Everything that others match on: scripts, alerts, dashboards, manifests. A line may be added; one that is gone or changed breaks
 * somebody. After adding: `npm exec -- node --test --test-update-snapshots test/commands/public-words.test.ts`.
 */
test('public words: flags, exit codes, metrics, reasons, annotations, JSON keys → those that were promised', (t) => {
  const lines = [...flags(), ...exitCodes(), ...series(), ...reasons(), ...annotations(), ...jsonKeys()].sort();
  t.assert.snapshot(lines, { serializers: [(value: string[]) => value.join('\n')] });
});

function flags(): string[] {
  const definitions = [runDefinition, planDefinition, statusDefinition, workersDefinition, simulateDefinition];
  return definitions.flatMap(({ name, argument, flags: those }) => [
    `command ${name}${argument === undefined ? '' : ` ${argument.name}`}`,
    ...those.map(({ flags: form, preset }) => `flag ${name} ${form}${preset === undefined ? '' : ' (has a default)'}`),
  ]);
}

function exitCodes(): string[] {
  const codes = { ok: EXIT_OK, failed: EXIT_FAILED, usage: EXIT_USAGE, ...EXIT_CODES };
  return Object.entries(codes).map(([why, code]) => `exit code ${code} ${why}`);
}

function series(): string[] {
  const kinds: Readonly<Record<string, Readonly<Record<string, metrics.MetricDefinition>>>> = {
    counter: metrics.counters,
    gauge: metrics.gauges,
    histogram: metrics.histograms,
  };
  return Object.entries(kinds).flatMap(([kind, definitions]) =>
    Object.values(definitions).map(({ name, labels = [] }) => `metric ${kind} ${name}{${labels.join(',')}}`),
  );
}

function reasons(): string[] {
  return [
    ...Object.values(REASONS).map((reason) => `event ${reason}`),
    ...Object.keys(ROLLOUT_STATES).map((code) => `rollout state ${code}`),
    ...Object.keys(ROLLOUT_REASONS).map((code) => `rollout reason ${code}`),
    ...Object.keys(NODE_REASONS).map((code) => `node reason ${code}`),
    ...Object.keys(SIMULATION_REASONS).map((code) => `simulation reason ${code}`),
  ];
}

function annotations(): string[] {
  return [...[...KNOWN_ANNOTATIONS].map((name) => `annotation ${name}`), `label ${EXCLUDE_LABEL}`];
}

function jsonKeys(): string[] {
  const keys = [...schemaFiles()].flatMap(([file, text]) => keysOf(JSON.parse(text), `json ${file} `));
  return [...new Set(keys)];
}

/** Paths of properties, at any depth of a JSON schema. */
function keysOf(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([word, inner]) => {
    if (word !== 'properties') return keysOf(inner, word === 'items' ? `${path}[]` : path);
    return Object.entries(inner as object).flatMap(([key, value]) => [
      `${path}.${key}`,
      ...keysOf(value, `${path}.${key}`),
    ]);
  });
}
