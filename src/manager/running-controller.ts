import type { ConnectionSource } from '../client/connection-source.ts';
import { monotonicMs } from '../clock.ts';
import type { LogFields, LogLevel } from '../controller/ports.ts';
import { LOOK_EVERY_MS } from '../controller/view-losses.ts';
import type { LaneSetting } from '../dispatch/lane-count.ts';
import type { Connection } from '../protocol/connection.ts';
import { adminRoutes } from '../server/admin-routes.ts';
import type { BindAddress } from '../server/bind-address.ts';
import { formatAddress } from '../server/bind-address.ts';
import { debugRoutes } from '../server/debug-routes.ts';
import { HttpServer, type Route } from '../server/http-server.ts';
import { Metrics } from '../server/metrics.ts';
import { healthRoutes, metricsRoute } from '../server/routes.ts';
import { encodeNote } from '../status/leader-note.ts';
import { availableCpus } from './available-cpus.ts';
import { healthChecks } from './health.ts';
import { type Election, processIdentity, startElection } from './leadership.ts';
import { LeadershipGuard } from './leadership-guard.ts';
import type { Logger } from './logging.ts';
import type { RunOptions } from './options.ts';
import { ownPod, settingRefusedEvent } from './own-pod.ts';
import { threadProfiler } from './profiler.ts';
import { publishMetrics } from './published-metrics.ts';
import { Reachability, ReaderProblems } from './reader-problems.ts';
import { RefreshOnRefusal } from './refresh-on-refusal.ts';
import { type FirstSettings, WorkerControl } from './settings/worker-control.ts';
import { statusReport } from './status-report.ts';
import { Updater } from './updater.ts';

/** What is left to do after the grace period: give the lease back, write events, end the threads. */
const CLOSE_GRACE_MS = 1000;

export interface RunningParts {
  readonly options: RunOptions;
  readonly first: FirstSettings;
  readonly source: ConnectionSource;
  readonly logger: Logger;
}

/** The updater with all that surrounds it in a process: servers, election, metrics, settings that change. */
export class RunningController {
  readonly #options: RunOptions;
  readonly #ownPod = ownPod(process.env);
  readonly #source: ConnectionSource;
  readonly #log: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly #metrics: Metrics;
  readonly #updater: Updater;
  readonly #reachability = new Reachability();
  readonly #readerProblems: ReaderProblems;
  readonly #servers: HttpServer[] = [];
  readonly #identity = processIdentity();
  readonly #workers: WorkerControl;
  readonly #refusals: RefreshOnRefusal;
  readonly #guard: LeadershipGuard;
  readonly #refused = Promise.withResolvers<'refused'>();
  #election: Election | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor({ options, first, source, logger }: RunningParts) {
    this.#options = options;
    this.#source = source;
    this.#log = (level, message, fields) => logger.log(level, message, fields);
    this.#refusals = new RefreshOnRefusal(
      () => source.refresh(),
      (error) => this.#refreshFailed(error),
    );
    this.#metrics = new Metrics({
      host: new URL(source.current().serverUrl).host,
      leaseName: options.leaderElect.resourceName,
      laneCount: 0,
      isDryRun: options.isDryRun,
    });
    this.#readerProblems = new ReaderProblems(this.#metrics, this.#log);
    this.#updater = this.#makeUpdater(first.settings.current.setting);
    this.#guard = new LeadershipGuard({
      request: (request) => this.#updater.client.request(request),
      options,
      namespace: source.namespace,
      isInCluster: source.isInCluster,
      log: this.#log,
      onRefused: () => this.#refused.resolve('refused'),
    });
    // Before the first task, since a lane's histograms begin with it.
    const { wanted } = this.#updater.lanes.state;
    this.#metrics.setLaneCounts(wanted, wanted);
    this.#workers = new WorkerControl({
      ...first,
      lanes: this.#updater.lanes,
      log: this.#log,
      onRefused: (from, message) => {
        this.#metrics.configRefused(from);
        if (this.#ownPod !== undefined) this.#updater.recordOwnEvent(settingRefusedEvent(this.#ownPod, message));
      },
    });
  }

  /** Resolves when another controller leads, and this one has to end. */
  get refused(): Promise<'refused'> {
    return this.#refused.promise;
  }

  async start(): Promise<void> {
    const { leaderElect, metricsAddress, healthAddress, logLevel } = this.#options;
    // Said at every start, however little is logged.
    const level = logLevel === 'error' ? 'error' : 'warn';
    for (const warning of this.#source.warnings) this.#log(level, 'check the connection', { detail: warning });
    this.#source.onChange((connection) => this.#reconnect(connection));
    this.#source.onProblem((error) => this.#refreshFailed(error));
    publishMetrics(this.#metrics, this.#updater);
    await this.#serve('metrics', metricsAddress, [metricsRoute(this.#metrics)]);
    await this.#serve('health', healthAddress, this.#healthServerRoutes());
    if (!(await this.#guard.mayStart()) || this.#isStopping) return;
    await this.#updater.start();
    if (this.#isStopping) return;
    const look = () => this.#readerProblems.look(this.#updater.host.reader.contacts(), monotonicMs());
    this.#lookTimer = setInterval(look, LOOK_EVERY_MS);
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
    this.#isStopping = true;
    this.#guard.close();
    clearInterval(this.#lookTimer);
    this.#workers.close();
    await this.#updater.drain(this.#options.shutdownGraceMs);
    await this.#election?.release();
    await this.#updater.close(CLOSE_GRACE_MS);
    await Promise.all(this.#servers.map((server) => server.close()));
    this.#source.close();
  }

  #elect(): void {
    this.#election = startElection({
      updater: this.#updater,
      election: this.#options.leaderElect,
      identity: this.#identity,
      namespace: this.#source.namespace,
      log: this.#log,
      onChange: (isLeader) => {
        this.#metrics.setLeader(isLeader);
        if (isLeader) void this.#guard.watch();
      },
      note: {
        status: () => encodeNote(this.#status()),
        memories: () => this.#updater.host.controller.memories(),
        remember: (memories) => this.#updater.host.remember(memories),
        isReady: () => this.#updater.host.controller.hasSynced,
      },
    });
  }

  #healthServerRoutes(): readonly Route[] {
    const routes = [...healthRoutes(healthChecks(this.#updater, this.#reachability))];
    const workers = this.#workers;
    routes.push(
      ...adminRoutes({
        workers: () => workers.report(),
        setWorkers: (value) => workers.set(value),
        status: () => this.#status(),
      }),
    );
    if (this.#options.hasDebugEndpoints) routes.push(...debugRoutes(threadProfiler(this.#updater.pool)));
    return routes;
  }

  #status(): ReturnType<typeof statusReport> {
    const report = statusReport(this.#updater, this.#identity, this.#workers.report());
    return this.#options.isDryRun ? { ...report, isLeading: false, isDryRun: true } : report;
  }

  #makeUpdater(workers: LaneSetting): Updater {
    const { namespaces, kubeApiQps, kubeApiBurst, maxInFlight, maxInFlightPerDaemonSet, isDryRun } = this.#options;
    return new Updater({
      connection: this.#source.current(),
      namespaces,
      workers,
      cpus: availableCpus,
      qps: kubeApiQps,
      burst: kubeApiBurst,
      maxInFlight: maxInFlight ?? Number.POSITIVE_INFINITY,
      maxInFlightPerDaemonSet,
      isDryRun,
      identity: this.#identity,
      listeners: {
        log: this.#log,
        onRequest: (report) => {
          this.#metrics.requestDone(report);
          this.#reachability.onRequest(report);
        },
        onUnauthorized: () => this.#refusals.onUnauthorized(),
        taskDone: (outcome, run) => {
          this.#metrics.taskDone(outcome);
          this.#refusals.onOutcome(outcome);
          if (run !== undefined) this.#metrics.runDone(run);
        },
        onReaderProblem: (problem) => this.#readerProblems.note(problem, monotonicMs()),
        onEventDropped: () => this.#metrics.eventDropped(),
        onEventSuppressed: (type) => this.#metrics.eventSuppressed(type),
        onResize: ({ wanted, actual, reason }) => {
          this.#metrics.setLaneCounts(wanted, actual);
          this.#metrics.lanesResized(reason);
        },
        onResizeFailed: () => this.#metrics.laneResizeFailed(),
      },
    });
  }

  /** New credentials: what the old ones were refused for is not waited for any longer. */
  #reconnect(connection: Connection): void {
    void this.#updater.setConnection(connection);
    this.#election?.retryNow();
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
