import { DEPLOYED_NAMESPACE, type LeaseOptions } from '../manager/options.ts';
import { parseNamespace, parseObjectName } from '../manager/settings/parse-value.ts';
import type { BindAddress } from '../server/bind-address.ts';
import { booleanFlag, type CommandDefinition, choiceFlag, nameFlag, namespacesFlag, peerAddressFlag } from './flags.ts';
import { OUTPUT_FORMATS, type OutputFormat } from './options.ts';
import { type ClusterValues, clusterFlags, clusterOptionsOf, leaseFlags } from './run-flags.ts';

const outputFlag = choiceFlag({ flags: '-o, --output <format>', help: 'form of the answer' }, OUTPUT_FORMATS, 'table');

interface LeaseValues {
  readonly leaderElectResourceName: string;
  readonly leaderElectResourceNamespace?: string;
}

const leaderFlags = leaseFlags(`${DEPLOYED_NAMESPACE}, then the one of the context`);

function leaseOptionsOf({ leaderElectResourceName, leaderElectResourceNamespace }: LeaseValues): LeaseOptions {
  return { leaseName: leaderElectResourceName, leaseNamespace: leaderElectResourceNamespace };
}

interface PlanValues extends ClusterValues, LeaseValues {
  readonly namespace?: string;
  readonly output: OutputFormat;
}

export const planDefinition: CommandDefinition = {
  name: 'plan',
  description: 'what would happen to a DaemonSet now and why, node by node',
  argument: { name: '<daemonset>', help: 'name of the DaemonSet' },
  flags: [
    nameFlag(
      { flags: '-n, --namespace <name>', help: 'namespace of the DaemonSet (default: the one of the context)' },
      parseNamespace,
    ),
    ...leaderFlags,
    outputFlag,
    ...clusterFlags,
  ],
  start({ argument = '', flags }, handlers) {
    const daemonSet = parseObjectName(argument);
    if (!daemonSet.ok) return { ok: false, message: `"${argument}" is not a DaemonSet. ${daemonSet.message}` };
    const values = flags as unknown as PlanValues;
    const { namespace, output } = values;
    const read = { ...clusterOptionsOf(values), ...leaseOptionsOf(values) };
    const options = { ...read, daemonSet: daemonSet.value, namespace, output };
    return { ok: true, value: () => handlers.plan(options) };
  },
};

interface StatusValues extends ClusterValues, LeaseValues {
  readonly output: OutputFormat;
  readonly namespace: readonly string[];
  readonly watch: boolean;
  readonly controller?: BindAddress;
}

export const statusDefinition: CommandDefinition = {
  name: 'status',
  description: 'how far the rollouts are, how many pods go at once and why, and the worker threads',
  argument: { name: '[daemonset]', help: 'name of a DaemonSet (default: all that have opted in)' },
  flags: [
    namespacesFlag({ flags: '-n, --namespace <name>', help: 'only DaemonSets of this namespace; repeatable' }),
    booleanFlag({ flags: '-w, --watch', help: 'go on and show what changes' }, false),
    peerAddressFlag({
      flags: '--controller <host:port>',
      help: 'ask a controller on this machine, by its health address, and not the lease',
    }),
    ...leaderFlags,
    outputFlag,
    ...clusterFlags,
  ],
  start({ argument, flags }, handlers) {
    if (argument !== undefined) {
      const daemonSet = parseObjectName(argument);
      if (!daemonSet.ok) return { ok: false, message: `"${argument}" is not a DaemonSet. ${daemonSet.message}` };
    }
    const values = flags as unknown as StatusValues;
    const { namespace, watch, output, controller } = values;
    const read = { ...clusterOptionsOf(values), namespaces: namespace, isWatch: watch, output };
    const options = { ...read, ...leaseOptionsOf(values), daemonSet: argument, controller };
    return { ok: true, value: () => handlers.status(options) };
  },
};
