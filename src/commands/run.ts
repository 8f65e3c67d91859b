import type { ConnectionSource } from '../client/connection-source.ts';
import { CredentialError } from '../client/credential-error.ts';
import { loadConnection } from '../client/credentials.ts';
import { createLogger, type Logger } from '../manager/logging.ts';
import type { RunOptions } from '../manager/options.ts';
import { RunningController } from '../manager/running-controller.ts';
import { readFirstSettings } from '../manager/settings/worker-control.ts';
import { firstSignal } from '../manager/shutdown.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './program.ts';

/** The controller against a cluster, until a signal ends it. */
export async function run(options: RunOptions): Promise<number> {
  const first = await readFirstSettings(options, process.env);
  if (!first.ok) {
    process.stderr.write(`error: ${first.message}\n`);
    return EXIT_USAGE;
  }
  const logger = createLogger({ level: options.logLevel, format: options.logFormat });
  const source = await load(options, logger);
  if (source === undefined) return EXIT_FAILED;
  const signal = firstSignal();
  const controller = new RunningController({ options, first: first.value, source, logger });
  // A signal ends it also while it still starts.
  const started = controller.start();
  const ending = Promise.race([signal, controller.refused]);
  await Promise.race([started, ending]);
  const why = await ending;
  logger.log('info', 'shutting down', why === 'refused' ? {} : { signal: why });
  await controller.stop();
  await started;
  logger.log('info', 'stopped', {});
  await logger.flush();
  return why === 'refused' ? EXIT_FAILED : EXIT_OK;
}

async function load(options: RunOptions, logger: Logger): Promise<ConnectionSource | undefined> {
  try {
    const { kubeconfig, context, shouldSkipTlsVerify } = options;
    return await loadConnection({ kubeconfig, context, shouldSkipTlsVerify });
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    logger.log('error', 'no usable credentials', { code: error.code, detail: error.message });
    await logger.flush();
    return undefined;
  }
}
