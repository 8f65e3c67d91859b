import { type LaneSetting, parseLaneSetting } from '../dispatch/lane-count.ts';
import { type AddressValue, addressFlag, type CommandDefinition, choiceFlag } from './flags.ts';
import { OUTPUT_FORMATS, type OutputFormat } from './options.ts';

interface WorkersValues {
  readonly address: AddressValue;
  readonly output: OutputFormat;
}

export const workersDefinition: CommandDefinition = {
  name: 'workers',
  description: 'show or set the number of worker threads of a running controller on this machine',
  argument: { name: '[n|auto]', help: 'the number to set; without it the present one is shown' },
  flags: [
    addressFlag(
      { flags: '--address <host:port>', help: 'where its --health-probe-bind-address is; with 0 it cannot be asked' },
      '127.0.0.1:8081',
    ),
    choiceFlag({ flags: '-o, --output <format>', help: 'form of the answer' }, OUTPUT_FORMATS, 'table'),
  ],
  start({ argument, flags }, handlers) {
    const { address, output } = flags as unknown as WorkersValues;
    if (address.address === undefined) return { ok: false, message: '--address: "0" is not an address: use host:port' };
    const result = argument === undefined ? undefined : parseLaneSetting(argument, 'workers');
    if (result?.code === 'invalid') return { ok: false, message: result.message };
    const setting: LaneSetting | undefined = result?.lanes;
    const options = { setting, address: address.address, output };
    return { ok: true, value: () => handlers.workers(options) };
  },
};
