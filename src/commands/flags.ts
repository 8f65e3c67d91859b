import { type LaneSetting, parseLaneSetting } from '../dispatch/lane-count.ts';
import { type IntOrPercent, parseIntOrPercent } from '../kube/int-or-percent.ts';
import {
  formatDuration,
  type Parsed,
  parseBoolean,
  parseChoice,
  parseDecimal,
  parseDuration,
  parseInteger,
  parseNamespace,
  parsePercent,
  type Range,
} from '../manager/settings/parse-value.ts';
import { type BindAddress, parseBindAddress } from '../server/bind-address.ts';
import type { CommandHandlers } from './options.ts';

/** One flag of a command, as data: program.ts hands it to commander. */
export interface Flag {
  /** In commander's form: `-n, --namespace <name>`; `[true|false]` for a value that may be left out. */
  readonly flags: string;
  readonly help: string;
  /** Without it any text is taken. `before`: the value so far, for repeatable flags. */
  readonly parse?: (text: string, before: unknown) => Parsed<unknown>;
  /** `shown`: how the help shows it. */
  readonly preset?: { readonly value: unknown; readonly shown?: string };
}

export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  /** `<daemonset>`, or `[daemonset]` when it may be left out. */
  readonly argument?: { readonly name: string; readonly help: string };
  readonly flags: readonly Flag[];
  /** Makes the options of the parsed flags, and gives them to their handler. A problem is one that several flags make together. */
  start(values: ParsedFlags, handlers: CommandHandlers): Parsed<() => Promise<number>>;
}

export interface ParsedFlags {
  readonly argument: string | undefined;
  /** By commander's names: `kubeApiQps`. Each value is what the flag's `parse` or `preset` made. */
  readonly flags: Readonly<Record<string, unknown>>;
}

interface FlagText {
  readonly flags: string;
  readonly help: string;
}

export function textFlag(text: FlagText): Flag {
  return text;
}

export function nameFlag(text: FlagText, parse: (text: string) => Parsed<string>): Flag {
  return { ...text, parse };
}

export function integerFlag(text: FlagText, range: Range): Flag {
  return { ...text, parse: (value) => parseInteger(value, range) };
}

export function decimalFlag(text: FlagText, range: Range): Flag {
  return { ...text, parse: (value) => parseDecimal(value, range) };
}

export function percentFlag(text: FlagText): Flag {
  return { ...text, parse: parsePercent, preset: { value: 0, shown: '0%' } };
}

export function withDefault(flag: Flag, value: unknown): Flag {
  return { ...flag, preset: { value } };
}

export function durationFlag(text: FlagText, range: Range, defaultMs: number): Flag {
  const parse = (value: string) => parseDuration(value, range);
  return { ...text, parse, preset: { value: defaultMs, shown: formatDuration(defaultMs) } };
}

export function choiceFlag<T extends string>(text: FlagText, choices: readonly T[], preset: T): Flag {
  const help = `${text.help} (${choices.join(', ')})`;
  return { flags: text.flags, help, parse: (value) => parseChoice(value, choices), preset: { value: preset } };
}

const BOOLEAN_VALUE = '[true|false]';

/** `--flag`, `--flag=true` and `--flag=false`; any other word after it is not its value. */
export function booleanFlag({ flags, help }: FlagText, preset: boolean): Flag {
  return {
    flags: `${flags} ${BOOLEAN_VALUE}`,
    help,
    parse: parseBoolean,
    preset: { value: preset },
  };
}

/** Undefined: off. Wrapped, because commander takes an undefined value for a missing one. */
export interface AddressValue {
  readonly address: BindAddress | undefined;
}

/** Where to listen; 0: nowhere. */
export function bindAddressFlag(text: FlagText, preset: string): Flag {
  const parse = (value: string): Parsed<AddressValue> => {
    const result = parseBindAddress(value);
    if (result.code === 'valid') return { ok: true, value: { address: result.address } };
    return { ok: false, message: `${result.message.charAt(0).toUpperCase()}${result.message.slice(1)}.` };
  };
  return { ...text, parse, preset: presetOf(parse, preset) };
}

/** Where somebody listens, so never 0. Without a preset the flag may be missing. */
export function peerAddressFlag(text: FlagText, preset?: string): Flag {
  const parse = (value: string): Parsed<BindAddress> => {
    const result = parseBindAddress(value);
    const address = result.code === 'valid' ? result.address : undefined;
    if (address !== undefined && address.port > 0) return { ok: true, value: address };
    return { ok: false, message: 'Use host:port, :port or [IPv6]:port, with a port from 1 to 65535.' };
  };
  return preset === undefined ? { ...text, parse } : { ...text, parse, preset: presetOf(parse, preset) };
}

/** Repeatable; empty means all. */
export function namespacesFlag(text: FlagText): Flag {
  const parse = (value: string, before: unknown): Parsed<readonly string[]> => {
    const parsed = parseNamespace(value);
    if (!parsed.ok) return parsed;
    return { ok: true, value: [...new Set([...(before as readonly string[]), parsed.value])] };
  };
  return { ...text, parse, preset: { value: [], shown: 'all' } };
}

export function maxUnavailableFlag(text: FlagText, preset: string): Flag {
  const parse = (value: string): Parsed<IntOrPercent> => {
    const result = parseIntOrPercent(value);
    if (result.ok && result.value.value > 0) return result;
    return { ok: false, message: 'Use a whole number from 1, or a percentage from 1% to 100%.' };
  };
  return { ...text, parse, preset: presetOf(parse, preset) };
}

/** Both names are the same flag; the last one given counts. `preset`: without the flag; undefined when others are asked then. */
export function workersFlag(help: string, preset: LaneSetting | undefined): Flag {
  const parse = (value: string): Parsed<LaneSetting> => {
    const result = parseLaneSetting(value);
    if (result.code === 'valid') return { ok: true, value: result.lanes };
    return { ok: false, message: 'Use a whole number from 1 to 64, or auto.' };
  };
  return {
    flags: '--workers, --daemonpodupdater-workers <n|auto>',
    help,
    parse,
    ...(preset === undefined ? {} : { preset: { value: preset } }),
  };
}

/**
 * Boolean flags that stand alone get their value: `-w agent` is `--watch=true agent`. Without it commander would take the next word
 * for the value, and kubectl's users put flags first.
 */
export function withBooleanValues(args: readonly string[], flags: readonly Flag[]): string[] {
  const names = new Map<string, string>();
  for (const { flags: text } of flags.filter((flag) => flag.flags.endsWith(BOOLEAN_VALUE))) {
    const forms = text.slice(0, -BOOLEAN_VALUE.length).trim().split(', ');
    for (const form of forms) names.set(form, forms.at(-1) ?? form);
  }
  return args.map((arg, index) => {
    const name = names.get(arg);
    const next = args[index + 1] ?? '';
    return name === undefined || parseBoolean(next).ok ? arg : `${name}=true`;
  });
}

function presetOf<T>(parse: (value: string) => Parsed<T>, text: string): { value: T; shown: string } {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(`assertion: a default is not allowed: ${parsed.message}`);
  return { value: parsed.value, shown: text };
}
