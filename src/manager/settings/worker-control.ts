import { readFile } from 'node:fs/promises';
import type { LogFields, LogLevel } from '../../controller/ports.ts';
import { parseLaneSetting } from '../../dispatch/lane-count.ts';
import type { WorkersReport } from '../../server/admin-routes.ts';
import { systemReason } from '../fatal-text.ts';
import type { LaneManager } from '../lane-manager.ts';
import type { RunOptions } from '../options.ts';
import { parseConfig } from './config-file.ts';
import { ConfigWatcher } from './config-watcher.ts';
import type { Parsed } from './parse-value.ts';
import { parseWorkersVariable, type SettingChange, WORKERS_VARIABLE, WorkerSettings } from './worker-settings.ts';

/** What was said about the number of worker threads before the start. */
export interface FirstSettings {
  readonly settings: WorkerSettings;
  readonly config: { readonly file: string; readonly text: string } | undefined;
}

/** Reads flag, config file and environment; the first thing that is wrong is the message. */
export async function readFirstSettings(
  { workers, configFile }: Pick<RunOptions, 'workers' | 'configFile'>,
  environment: NodeJS.ProcessEnv,
): Promise<Parsed<FirstSettings>> {
  const variable = parseWorkersVariable(environment[WORKERS_VARIABLE]);
  if (!variable.ok) return variable;
  const layers = { flag: workers, file: undefined, environment: variable.value };
  if (configFile === undefined) return { ok: true, value: { settings: new WorkerSettings(layers), config: undefined } };
  const text = await readFile(configFile, 'utf8').catch((error: NodeJS.ErrnoException) => error);
  if (text instanceof Error)
    return { ok: false, message: `--config: ${configFile} cannot be read: ${systemReason(text)}` };
  const config = parseConfig(text, configFile);
  if (!config.ok) return config;
  const settings = new WorkerSettings({ ...layers, file: config.value.workers });
  return { ok: true, value: { settings, config: { file: configFile, text } } };
}

export interface WorkerControlOptions extends FirstSettings {
  readonly lanes: LaneManager;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
  /** What was asked for is not possible and changed nothing. */
  readonly onRefused: (source: 'config-file' | 'admin', message: string) => void;
}

/** Changes the number of worker threads at run time: by the config file, by SIGHUP, and by the admin endpoint. */
export class WorkerControl {
  readonly #options: WorkerControlOptions;
  readonly #watcher: ConfigWatcher | undefined;
  readonly #onHangup = (): void => {
    this.#options.log('info', 'config file is read again', { signal: 'SIGHUP' });
    void this.#watcher?.reread();
  };

  constructor(options: WorkerControlOptions) {
    this.#options = options;
    const { config } = options;
    if (config === undefined) return;
    this.#watcher = new ConfigWatcher({
      ...config,
      onText: (text) => this.#fileRead(text),
      onProblem: (message) => this.#refused('config-file', message),
    });
    // Without a config file SIGHUP keeps its usual meaning: the terminal is gone.
    process.on('SIGHUP', this.#onHangup);
  }

  /** For the admin endpoint: why not; undefined when it is done. */
  set(value: string): string | undefined {
    const result = parseLaneSetting(value, 'value');
    if (result.code === 'invalid') {
      this.#refused('admin', result.message);
      return result.message;
    }
    this.#apply(this.#options.settings.adminSet(result.lanes));
    return undefined;
  }

  report(): WorkersReport {
    const { lanes, settings } = this.#options;
    const decisions = lanes.decisions.latest.map(({ atMs, ...decision }) => {
      return { at: new Date(atMs).toISOString(), ...decision };
    });
    return { ...lanes.state, source: settings.current.source, cpus: lanes.cpus, decisions };
  }

  close(): void {
    this.#watcher?.close();
    process.off('SIGHUP', this.#onHangup);
  }

  #fileRead(text: string): void {
    const { config, settings } = this.#options;
    const parsed = parseConfig(text, config?.file ?? '');
    if (parsed.ok) this.#apply(settings.fileRead(parsed.value));
    else this.#refused('config-file', parsed.message);
  }

  #apply(change: SettingChange): void {
    const { lanes, log } = this.#options;
    if (change.kind === 'unchanged') return;
    const { setting, source } = change.chosen;
    if (change.kind === 'overruled') {
      log('warn', 'the config file does not set the worker threads', { workers: setting, setBy: source });
      return;
    }
    log('info', 'worker threads set', { workers: setting, source });
    void lanes.set(setting);
  }

  #refused(source: 'config-file' | 'admin', message: string): void {
    this.#options.log('error', 'setting refused; the old one stays', { source, detail: message });
    this.#options.onRefused(source, message);
  }
}
