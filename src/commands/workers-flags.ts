import { type LaneSetting, parseLaneSetting } from '../dispatch/lane-count.ts';
import type { BindAddress } from '../server/bind-address.ts';
import { type CommandDefinition, choiceFlag, peerAddressFlag } from './flags.ts';
import { OUTPUT_FORMATS, type OutputFormat } from './options.ts';

interface WorkersValues {
  readonly address: BindAddress;
  readonly output: OutputFormat;
}

export const workersDefinition: CommandDefinition = {
  name: 'workers',
  description: 'show or set the number of worker threads of a running controller on this machine',
  argument: { name: '[n|auto]', help: 'the number to set; without it the present one is shown' },
  flags: [
    peerAddressFlag(
      { flags: '--address <host:port>', help: 'where its --health-probe-bind-address is; with 0 it cannot be asked' },
      '127.0.0.1:8081',
    ),
    choiceFlag({ flags: '-o, --output <format>', help: 'form of the answer' }, OUTPUT_FORMATS, 'table'),
  ],
  start({ argument, flags }, handlers) {
    const { address, output } = flags as unknown as WorkersValues;
    const result = argument === undefined ? undefined : parseLaneSetting(argument, 'workers');
    if (result?.code === 'invalid') return { ok: false, message: result.message };
    const setting: LaneSetting | undefined = result?.lanes;
    const options = { setting, address, output };
    return { ok: true, value: () => handlers.workers(options) };
  },
};
