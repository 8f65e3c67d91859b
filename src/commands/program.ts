import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type CommandDefinition, type Flag, withBooleanValues } from './flags.ts';
import type { CommandHandlers } from './options.ts';
import { runDefinition } from './run-flags.ts';
import { simulateDefinition } from './simulate-flags.ts';
import { planDefinition, statusDefinition } from './view-flags.ts';
import { workersDefinition } from './workers-flags.ts';

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

const PROGRAM = 'daemonpodupdater';
/** So narrow may the right column of the help be: beside the longest flag 80 columns leave 30. */
const HELP_COLUMNS_MIN = 24;

export interface ProgramOptions {
  readonly version: string;
  readonly handlers: CommandHandlers;
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
}

/**
 * Parses the arguments (without node and script), runs the command they name and resolves with its exit code; 2 when the
 * arguments are wrong, after saying which one and why. Rejects with what the command rejects with.
 */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<number> {
  const started: { work?: () => Promise<number> } = {};
  const program = configured(new Command(PROGRAM), options)
    .description('Rolls out new versions of DaemonSet pods on large and unreliable clusters')
    .version(options.version);
  const definitions = [runDefinition, planDefinition, statusDefinition, workersDefinition, simulateDefinition];
  for (const definition of definitions) {
    const command = commandOf(definition, (argument, flags) => {
      const result = definition.start({ argument, flags }, options.handlers);
      if (result.ok) started.work = result.value;
      else command.error(`error: ${result.message}`);
    });
    program.addCommand(configured(command, options));
  }
  try {
    const flags = definitions.find(({ name }) => name === args[0])?.flags ?? [];
    await program.parseAsync(withBooleanValues(args, flags), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
  return (await started.work?.()) ?? EXIT_OK;
}

function configured(command: Command, { writeOut, writeErr }: ProgramOptions): Command {
  return command
    .exitOverride()
    .configureOutput({ writeOut, writeErr })
    .configureHelp({ minWidthToWrap: HELP_COLUMNS_MIN })
    .showHelpAfterError(command.name() === PROGRAM ? '(--help lists the commands)' : '(--help lists the flags)')
    .allowExcessArguments(false);
}

type OnParsed = (argument: string | undefined, flags: Readonly<Record<string, unknown>>) => void;

function commandOf(definition: CommandDefinition, onParsed: OnParsed): Command {
  const command = new Command(definition.name).description(definition.description);
  for (const flag of definition.flags) command.addOption(optionOf(flag));
  if (definition.argument === undefined) return command.action(() => onParsed(undefined, command.opts()));
  return command
    .argument(definition.argument.name, definition.argument.help)
    .action((argument?: string) => onParsed(argument, command.opts()));
}

function optionOf({ flags, help, parse, preset }: Flag): Option {
  const option = new Option(flags, help);
  if (parse !== undefined) {
    // Commander puts the flag and the value in front: "option '--nodes <n>' argument '10.5' is invalid. Use …".
    option.argParser((text: string, before: unknown) => {
      const parsed = parse(text, before);
      if (!parsed.ok) throw new InvalidArgumentError(parsed.message);
      return parsed.value;
    });
  }
  if (preset !== undefined) option.default(preset.value, preset.shown);
  return option;
}
