import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandHandlers } from '../../src/commands/options.ts';
import { runProgram } from '../../src/commands/program.ts';
import { DEFAULT_LEADER_ELECT } from '../../src/manager/options.ts';
import { formatDuration, parseDuration } from '../../src/manager/settings/parse-value.ts';

interface Result {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly called: string;
  readonly options: Readonly<Record<string, unknown>>;
}

async function parse(args: readonly string[], handlerCode = 0): Promise<Result> {
  let out = '';
  let err = '';
  let called = '';
  let options: Readonly<Record<string, unknown>> = {};
  const handlerOf = (name: keyof CommandHandlers) => async (given: object) => {
    called = name;
    options = { ...given };
    return handlerCode;
  };
  const exitCode = await runProgram(args, {
    version: '1.2.3',
    handlers: {
      run: handlerOf('run'),
      simulate: handlerOf('simulate'),
      plan: handlerOf('plan'),
      status: handlerOf('status'),
      workers: handlerOf('workers'),
    },
    writeOut: (text) => {
      out += text;
    },
    writeErr: (text) => {
      err += text;
    },
  });
  return { exitCode, out, err, called, options };
}

test('run: no flags → the documented defaults', async () => {
  const { exitCode, called, options } = await parse(['run']);
  assert.equal(exitCode, 0);
  assert.equal(called, 'run');
  assert.deepEqual(options, {
    kubeconfig: undefined,
    context: undefined,
    shouldSkipTlsVerify: false,
    namespaces: [],
    workers: undefined,
    configFile: undefined,
    kubeApiQps: 500,
    kubeApiBurst: 1000,
    maxInFlight: undefined,
    maxInFlightPerDaemonSet: 250,
    metricsAddress: { host: '', port: 8080 },
    healthAddress: { host: '', port: 8081 },
    logLevel: 'info',
    logFormat: 'json',
    isDryRun: false,
    shutdownGraceMs: 20_000,
    hasDebugEndpoints: false,
    leaderElect: {
      isEnabled: true,
      timings: { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
      resourceName: 'daemonpodupdater',
      resourceNamespace: undefined,
      shouldIgnoreOthers: false,
    },
  });
});

test('simulate: no flags → the documented defaults', async () => {
  const { called, options } = await parse(['simulate']);
  assert.equal(called, 'simulate');
  assert.deepEqual(options, {
    nodes: 1000,
    maxUnavailable: { unit: 'percent', value: 10 },
    strategy: 'AdvancedRollingUpdate',
    notReadyPercent: 0,
    startupMs: 2000,
    badNodesPercent: 0,
    daemonSets: 1,
    workers: 'auto',
    seed: undefined,
    speed: 1,
    timeoutMs: 600_000,
    report: 'text',
    pictureFile: undefined,
  });
});

const good: readonly { args: string; expected: Readonly<Record<string, unknown>> }[] = [
  { args: 'run --workers 4', expected: { workers: 4 } },
  { args: 'run --daemonpodupdater-workers=64', expected: { workers: 64 } },
  { args: 'run --workers 4 --daemonpodupdater-workers auto', expected: { workers: 'auto' } },
  { args: 'run -n a --namespace b -n a', expected: { namespaces: ['a', 'b'] } },
  { args: 'run --kube-api-qps 0', expected: { kubeApiQps: 0 } },
  { args: 'run --max-in-flight 7', expected: { maxInFlight: 7 } },
  { args: 'run --max-in-flight-per-daemonset 9', expected: { maxInFlightPerDaemonSet: 9 } },
  { args: 'run --metrics-bind-address 0', expected: { metricsAddress: undefined } },
  { args: 'run --health-probe-bind-address 127.0.0.1:0', expected: { healthAddress: { host: '127.0.0.1', port: 0 } } },
  { args: 'run --config f.yaml', expected: { configFile: 'f.yaml', workers: undefined } },
  { args: 'run --shutdown-grace 1m30s', expected: { shutdownGraceMs: 90_000 } },
  {
    args: 'run --leader-elect-ignore-other-namespaces',
    expected: { leaderElect: { ...DEFAULT_LEADER_ELECT, shouldIgnoreOthers: true } },
  },
  { args: 'run --enable-debug-endpoints', expected: { hasDebugEndpoints: true } },
  {
    args: 'workers',
    expected: { setting: undefined, address: { host: '127.0.0.1', port: 8081 }, output: 'table' },
  },
  { args: 'workers 8 --address :9000', expected: { setting: 8, address: { host: '', port: 9000 } } },
  { args: 'workers auto -o json', expected: { setting: 'auto', output: 'json' } },
  { args: 'run --dry-run', expected: { isDryRun: true } },
  { args: 'run --dry-run=false', expected: { isDryRun: false } },
  { args: 'run --log-level WARN --log-format pretty', expected: { logLevel: 'warn', logFormat: 'pretty' } },
  { args: 'run --kubeconfig f --context c', expected: { kubeconfig: 'f', context: 'c' } },
  { args: 'run --insecure-skip-tls-verify', expected: { shouldSkipTlsVerify: true } },
  { args: 'plan agent --insecure-skip-tls-verify', expected: { shouldSkipTlsVerify: true } },
  { args: 'status --insecure-skip-tls-verify=true', expected: { shouldSkipTlsVerify: true } },
  { args: 'status --insecure-skip-tls-verify=false', expected: { shouldSkipTlsVerify: false } },
  {
    args: 'run --leader-elect=false --leader-elect-lease-duration 60s --leader-elect-renew-deadline 40s --leader-elect-retry-period 5s --leader-elect-resource-name x --leader-elect-resource-namespace y',
    expected: {
      leaderElect: {
        isEnabled: false,
        timings: { leaseDurationMs: 60_000, renewDeadlineMs: 40_000, retryPeriodMs: 5_000 },
        resourceName: 'x',
        resourceNamespace: 'y',
        shouldIgnoreOthers: false,
      },
    },
  },
  {
    args: 'simulate --nodes 500 --max-unavailable 25 --strategy ota --not-ready 3% --startup 200ms --bad-nodes 0.5',
    expected: {
      nodes: 500,
      maxUnavailable: { unit: 'count', value: 25 },
      strategy: 'OTA',
      notReadyPercent: 3,
      startupMs: 200,
      badNodesPercent: 0.5,
    },
  },
  {
    args: 'simulate --daemonsets 3 --seed 7 --speed 2.5 --timeout 1m30s --report json --workers 2',
    expected: { daemonSets: 3, seed: 7, speed: 2.5, timeoutMs: 90_000, report: 'json', workers: 2 },
  },
  { args: 'plan agent -n edge -o json', expected: { daemonSet: 'agent', namespace: 'edge', output: 'json' } },
  { args: 'plan agent', expected: { namespace: undefined, output: 'table', shouldSkipTlsVerify: false } },
  { args: 'plan agent', expected: { leaseName: 'daemonpodupdater', leaseNamespace: undefined } },
  { args: 'status', expected: { daemonSet: undefined, namespaces: [], isWatch: false, output: 'table' } },
  { args: 'status agent -w -n edge', expected: { daemonSet: 'agent', namespaces: ['edge'], isWatch: true } },
  { args: 'status -w agent', expected: { daemonSet: 'agent', isWatch: true } },
  { args: 'status --watch -n edge agent', expected: { daemonSet: 'agent', namespaces: ['edge'], isWatch: true } },
  { args: 'status --watch false agent', expected: { daemonSet: 'agent', isWatch: false } },
  { args: 'plan --insecure-skip-tls-verify agent', expected: { daemonSet: 'agent', shouldSkipTlsVerify: true } },
  { args: 'status --controller :8081', expected: { controller: { host: '', port: 8081 } } },
];
for (const { args, expected } of good) {
  test(`options: ${args.slice(0, 70)} → read`, async () => {
    const { exitCode, err, options } = await parse(args.split(' '));
    assert.equal(err, '');
    assert.equal(exitCode, 0);
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(options[key], value, key);
  });
}

const workersRange =
  /'--workers, --daemonpodupdater-workers <n\|auto>' argument '.+' is invalid\. Use a whole number from 1 to 64, or auto\./;
const bad: readonly { args: string; message: RegExp }[] = [
  ...['0', '-1', '2.5', 'two', '65', '1e1', '999999999999'].map((value) => ({
    args: `run --daemonpodupdater-workers=${value}`,
    message: workersRange,
  })),
  { args: 'run --workers', message: /argument missing/ },
  { args: 'run --namespace A_b', message: /argument 'A_b' is invalid\. Use the name of a namespace/ },
  {
    args: 'run --kube-api-qps -5',
    message: /'--kube-api-qps <n>' argument '-5' is invalid\. Use a whole number from 0/,
  },
  { args: 'run --kube-api-burst 1.5', message: /argument '1\.5' is invalid/ },
  { args: 'run --max-in-flight-per-daemonset x', message: /Use a whole number from 1 to 100000/ },
  { args: 'run --max-in-flight 0', message: /Use a whole number from 1 to 100000/ },
  { args: 'run --metrics-bind-address 8080', message: /"8080" is not an address: use host:port/ },
  { args: 'run --health-probe-bind-address :99999', message: /Port 99999 of ":99999" is not from 0 to 65535/ },
  { args: 'run --log-level loud', message: /argument 'loud' is invalid\. Use debug, info, warn or error\./ },
  { args: 'run --log-format xml', message: /Use json or pretty/ },
  { args: 'run --leader-elect=maybe', message: /Use true or false/ },
  {
    args: 'run --leader-elect-lease-duration 15',
    message: /Use a duration from 1ms to 1h, such as 200ms, 5s or 1m30s/,
  },
  { args: 'run --leader-elect-lease-duration 9s', message: /lease-duration \(9s\) must be greater than .*\(10s\)/ },
  { args: 'run --leader-elect-retry-period 9s', message: /must be greater than 1\.2 x/ },
  { args: 'run --leader-elect-resource-name A', message: /Use the name of an object/ },
  { args: 'run extra', message: /too many arguments/ },
  { args: 'run --nodes 5', message: /unknown option '--nodes'/ },
  {
    args: 'simulate --nodes 10.5',
    message: /'--nodes <n>' argument '10\.5' is invalid\. Use a whole number from 1 to 100000/,
  },
  { args: 'simulate --nodes 0', message: /Use a whole number from 1/ },
  { args: 'simulate --max-unavailable 101%', message: /percentage from 1% to 100%/ },
  { args: 'simulate --max-unavailable 0', message: /Use a whole number from 1/ },
  { args: 'simulate --max-unavailable -3', message: /argument '-3' is invalid/ },
  { args: 'simulate --strategy Fast', message: /Use AdvancedRollingUpdate or OTA/ },
  { args: 'simulate --not-ready 120%', message: /Use a percentage from 0% to 100%/ },
  { args: 'simulate --startup soon', message: /argument 'soon' is invalid\. Use a duration from 0s to 1h/ },
  { args: 'simulate --bad-nodes x', message: /Use a percentage/ },
  { args: 'simulate --daemonsets 101', message: /Use a whole number from 1 to 100/ },
  { args: 'simulate --seed -1', message: /Use a whole number from 0 to 4294967295/ },
  { args: 'simulate --speed 0', message: /Use a number from 0\.01 to 1000/ },
  { args: 'simulate --timeout 1ms', message: /Use a duration from 1s to 24h/ },
  { args: 'simulate --report yaml', message: /Use text or json/ },
  { args: 'plan', message: /missing required argument 'daemonset'/ },
  { args: 'plan a/b', message: /"a\/b" is not a DaemonSet/ },
  { args: 'plan a -o wide', message: /Use table or json/ },
  { args: 'status A', message: /"A" is not a DaemonSet/ },
  { args: 'workers 65', message: /workers: "65" is not a number of worker threads: use a whole number from 1 to 64/ },
  { args: 'workers --address 0', message: /'--address <host:port>' argument '0' is invalid\. Use host:port, :port/ },
  { args: 'workers --address :0', message: /argument ':0' is invalid\. .* a port from 1 to 65535/ },
  { args: 'status --controller 0', message: /'--controller <host:port>' argument '0' is invalid\. Use host:port/ },
  { args: 'run --shutdown-grace 20', message: /'--shutdown-grace <duration>' argument '20' is invalid/ },
  { args: 'deploy', message: /unknown command 'deploy'/ },
];
for (const { args, message } of bad) {
  test(`options: ${args} → refused with the reason, exit code 2`, async () => {
    const { exitCode, err, called, out } = await parse(args.split(' '));
    assert.match(err, message);
    assert.equal(exitCode, 2);
    assert.equal(called, '');
    assert.equal(out, '');
  });
}

test('options: no command → the help, exit code 2', async () => {
  const { exitCode, err } = await parse([]);
  assert.equal(exitCode, 2);
  assert.match(err, /Commands:/);
});

test('options: --help and --version → exit code 0 on standard output', async () => {
  assert.match((await parse(['run', '--help'])).out, /--leader-elect-retry-period <duration>/);
  assert.deepEqual(await parse(['--version']), { exitCode: 0, out: '1.2.3\n', err: '', called: '', options: {} });
});

test('options: help where nothing tells the width → 80 columns hold it', async () => {
  for (const command of ['run', 'plan', 'status', 'workers', 'simulate']) {
    const { out } = await parse([command, '--help']);
    for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
  }
});

test('options: help of the health address → all that is served there, and what does not work without it', async () => {
  const squeezed = async (command: string) => (await parse([command, '--help'])).out.replaceAll(/\s+/g, ' ');
  const run = await squeezed('run');
  assert.match(run, /--health-probe-bind-address <host:port> \/healthz and \/readyz; \/admin and \/debug/);
  assert.match(run, /0: off, and the command "workers" cannot work/);
  assert.match(await squeezed('workers'), /--health-probe-bind-address is; with 0 it cannot be asked/);
});

test('options: a command ends with a code → the program does too', async () => {
  assert.equal((await parse(['simulate'], 1)).exitCode, 1);
});

const durations: readonly { text: string; ms: number }[] = [
  { text: '200ms', ms: 200 },
  { text: '5s', ms: 5000 },
  { text: '1m30s', ms: 90_000 },
  { text: '1.5h', ms: 5_400_000 },
  { text: '0', ms: 0 },
  { text: '0s', ms: 0 },
  { text: '1m1ms', ms: 60_001 },
  ...['', '5', 's', '5 s', '-5s', '5S', '1s2', '1d', 'NaNs', `${'9'.repeat(50)}s`].map((text) => ({
    text,
    ms: Number.NaN,
  })),
];
for (const { text, ms } of durations) {
  test(`duration: "${text.slice(0, 20)}" → ${ms}`, () => {
    const parsed = parseDuration(text, { min: 0, max: 1e9 });
    assert.equal(parsed.ok ? parsed.value : Number.NaN, ms);
    if (parsed.ok) assert.deepEqual(parseDuration(formatDuration(ms), { min: 0, max: 1e9 }), parsed);
  });
}
