import { availableParallelism } from 'node:os';
import type { ConnectionSource } from '../client/connection-source.ts';
import { CredentialError, loadConnection } from '../client/credentials.ts';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import type { Elector } from '../election/elector.ts';
import type { BindAddress } from '../server/bind-address.ts';
import { formatAddress } from '../server/bind-address.ts';
import { HttpServer, type Route } from '../server/http-server.ts';
import { Metrics } from '../server/metrics.ts';
import { healthRoutes, metricsRoute } from '../server/routes.ts';
import { createLogger, type Logger } from './logging.ts';
import type { RunOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK } from './program.ts';
import { healthChecks } from './wiring/health.ts';
import { processIdentity, startElection } from './wiring/leadership.ts';
import { publishMetrics } from './wiring/published-metrics.ts';
import { ReaderProblems } from './wiring/reader-problems.ts';
import { firstSignal } from './wiring/shutdown.ts';
import { Updater } from './wiring/updater.ts';

/** How long requests that are on their way at the end may take. */
const SHUTDOWN_GRACE_MS = 20_000;

/** The controller against a cluster, until a signal ends it. */
export async function run(options: RunOptions): Promise<number> {
  const logger = createLogger({ level: options.logLevel, format: options.logFormat });
  const source = await load(options, logger);
  if (source === undefined) return EXIT_FAILED;
  const controller = new RunningController(options, source, logger);
  const signal = firstSignal();
  await controller.start();
  logger.log('info', 'shutting down', { signal: await signal });
  await controller.stop();
  logger.log('info', 'stopped', {});
  await logger.flush();
  return EXIT_OK;
}

async function load(options: RunOptions, logger: Logger): Promise<ConnectionSource | undefined> {
  try {
    const { kubeconfig, context } = options;
    return await loadConnection({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    });
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    logger.log('error', 'no usable credentials', { code: error.code, detail: error.message });
    await logger.flush();
    return undefined;
  }
}

class RunningController {
  readonly #options: RunOptions;
  readonly #source: ConnectionSource;
  readonly #log: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly #metrics: Metrics;
  readonly #updater: Updater;
  readonly #problems = new ReaderProblems();
  readonly #servers: HttpServer[] = [];
  readonly #identity = processIdentity();
  #elector: Elector | undefined;

  constructor(options: RunOptions, source: ConnectionSource, logger: Logger) {
    this.#options = options;
    this.#source = source;
    this.#log = (level, message, fields) => logger.log(level, message, fields);
    this.#metrics = new Metrics({
      host: new URL(source.current().serverUrl).host,
      leaseName: options.leaderElect.resourceName,
      laneCount: 0,
    });
    this.#updater = this.#makeUpdater();
  }

  async start(): Promise<void> {
    const { leaderElect, metricsAddress, healthAddress } = this.#options;
    for (const warning of this.#source.warnings) this.#log('warn', 'check the connection', { detail: warning });
    this.#source.onChange((connection) => void this.#updater.setConnection(connection));
    this.#source.onProblem((error) => this.#log('error', 'credentials not refreshed', { detail: error.message }));
    publishMetrics(this.#metrics, this.#updater);
    await this.#serve('metrics', metricsAddress, [metricsRoute(this.#metrics)]);
    await this.#serve('health', healthAddress, healthRoutes(healthChecks(this.#updater, this.#problems)));
    await this.#updater.start();
    this.#log('info', 'started', {
      server: this.#source.current().serverUrl,
      context: this.#source.contextName,
      workers: this.#updater.lanes.state.wanted,
      isDryRun: this.#options.isDryRun,
    });
    if (leaderElect.isEnabled && !this.#options.isDryRun) this.#elect();
    else this.#updater.lead(Number.POSITIVE_INFINITY);
  }

  /** In-flight requests end, then the lease is given up, so that the next leader starts with nothing under way. */
  async stop(): Promise<void> {
    await this.#updater.drain(SHUTDOWN_GRACE_MS);
    await this.#elector?.release();
    await this.#updater.close(1000);
    await Promise.all(this.#servers.map((server) => server.close()));
    this.#source.close();
  }

  #elect(): void {
    this.#elector = startElection({
      updater: this.#updater,
      election: this.#options.leaderElect,
      identity: this.#identity,
      namespace: this.#source.namespace,
      log: this.#log,
      onChange: (isLeader) => this.#metrics.setLeader(isLeader),
    });
  }

  #makeUpdater(): Updater {
    const { namespaces, workers, kubeApiQps, kubeApiBurst, maxInFlight, isDryRun } = this.#options;
    return new Updater({
      connection: this.#source.current(),
      namespaces,
      workers,
      cpus: availableParallelism(),
      qps: kubeApiQps,
      burst: kubeApiBurst,
      maxInFlight: maxInFlight ?? Number.POSITIVE_INFINITY,
      isDryRun,
      identity: this.#identity,
      listeners: {
        log: this.#log,
        onRequest: (report) => {
          this.#metrics.requestDone(report);
          this.#problems.onRequest(report);
        },
        onUnauthorized: () => void this.#source.refresh().catch((error: Error) => this.#refreshFailed(error)),
        taskDone: (outcome, run) => {
          this.#metrics.taskDone(outcome);
          if (run !== undefined) this.#metrics.runDone(run);
        },
        onReaderProblem: (problem) => {
          this.#problems.note(problem);
          this.#log('warn', 'watch interrupted', { stream: problem.stream, detail: problem.problem.message });
        },
        onEventDropped: () => this.#metrics.eventDropped(),
        onResize: ({ wanted, actual }) => {
          this.#metrics.setLaneCounts(wanted, actual);
          this.#metrics.lanesResized();
        },
      },
    });
  }

  #refreshFailed(error: Error): void {
    this.#log('error', 'credentials not refreshed', { detail: error.message });
  }

  async #serve(name: string, address: BindAddress | undefined, routes: readonly Route[]): Promise<void> {
    if (address === undefined) return;
    const onError = (message: string): void =>
      this.#log('warn', 'request not answered', { server: name, detail: message });
    const server = new HttpServer({ address, routes, onError });
    const bound = await server.listen();
    this.#servers.push(server);
    this.#log('info', 'listening', { server: name, address: formatAddress(bound) });
  }
}
