import { type LaneSetting, parseLaneSetting } from '../../dispatch/lane-count.ts';
import type { Config } from './config-file.ts';
import type { Parsed } from './parse-value.ts';

export const WORKERS_VARIABLE = 'DAEMONPODUPDATER_WORKERS';

/** Who said how many worker threads there are; `admin`: the admin endpoint, at run time. */
export type SettingSource = 'flag' | 'config-file' | 'environment' | 'default' | 'admin';

export interface ChosenSetting {
  readonly setting: LaneSetting;
  readonly source: SettingSource;
}

export interface SettingLayers {
  readonly flag: LaneSetting | undefined;
  readonly file: LaneSetting | undefined;
  readonly environment: LaneSetting | undefined;
}

/** Reads the environment variable; unset and empty mean that it does not say. */
export function parseWorkersVariable(value: string | undefined): Parsed<LaneSetting | undefined> {
  if (value === undefined || value === '') return { ok: true, value: undefined };
  const result = parseLaneSetting(value, WORKERS_VARIABLE);
  return result.code === 'valid' ? { ok: true, value: result.lanes } : { ok: false, message: result.message };
}

/** What is nearer to whoever starts the process wins: the flag, then the config file, then the environment. */
export function chooseSetting({ flag, file, environment }: SettingLayers): ChosenSetting {
  if (flag !== undefined) return { setting: flag, source: 'flag' };
  if (file !== undefined) return { setting: file, source: 'config-file' };
  if (environment !== undefined) return { setting: environment, source: 'environment' };
  return { setting: 'auto', source: 'default' };
}

/** What a change at run time comes to. Invalid values never get here: they change nothing. */
export type SettingChange =
  | { readonly kind: 'changed'; readonly chosen: ChosenSetting }
  | { readonly kind: 'unchanged' }
  /** The file says something else than the flag, which wins. */
  | { readonly kind: 'overruled'; readonly chosen: ChosenSetting };

/**
 * The setting over the life of the process: what was said last holds. The admin endpoint's word holds until the config file
 * changes or is read again on request (SIGHUP).
 */
export class WorkerSettings {
  #layers: SettingLayers;
  #current: ChosenSetting;

  constructor(layers: SettingLayers) {
    this.#layers = layers;
    this.#current = chooseSetting(layers);
  }

  get current(): ChosenSetting {
    return this.#current;
  }

  /** The config file changed, or somebody asked to read it again. */
  fileRead(config: Config): SettingChange {
    this.#layers = { ...this.#layers, file: config.workers };
    const { flag, file } = this.#layers;
    const change = this.#change(chooseSetting(this.#layers));
    const isOverruled = flag !== undefined && file !== undefined && file !== flag;
    return change.kind === 'unchanged' && isOverruled ? { kind: 'overruled', chosen: this.#current } : change;
  }

  adminSet(setting: LaneSetting): SettingChange {
    return this.#change({ setting, source: 'admin' });
  }

  #change(next: ChosenSetting): SettingChange {
    const isSame = next.setting === this.#current.setting;
    this.#current = next;
    return isSame ? { kind: 'unchanged' } : { kind: 'changed', chosen: next };
  }
}
