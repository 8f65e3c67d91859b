import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Connection } from '../../src/protocol/connection.ts';
import type { ScenarioOptions } from '../../src/simulator/scenario.ts';
import { type Simulator, startSimulator } from '../../src/simulator/start.ts';
import { makeCertificate } from '../../test/client/certificates.ts';
import type { FromUpdater, ToUpdater } from './threads-messages.ts';

const SERVER_NAME = 'simulated.test';
const SPEED = 50;
/** Some seconds of full load: the collector's pauses grow with what is kept. */
const HISTORY_EVENTS_MAX = 10_000;

/** The updater's process. */
export class UpdaterProcess {
  readonly #child: ChildProcess = fork(new URL('./threads-updater.ts', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

  constructor() {
    this.#child.on('exit', (code) => {
      if (code !== 0) throw new Error(`the updater's process ended with ${code}`);
    });
  }

  async ask<T extends FromUpdater['type']>(message: ToUpdater, answer: T): Promise<Extract<FromUpdater, { type: T }>> {
    const answered = new Promise<Extract<FromUpdater, { type: T }>>((resolve) => {
      const take = (received: FromUpdater): void => {
        if (received.type !== answer) return;
        this.#child.off('message', take);
        resolve(received as Extract<FromUpdater, { type: T }>);
      };
      this.#child.on('message', take);
    });
    this.#child.send(message);
    return answered;
  }

  async end(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.send({ type: 'end' } satisfies ToUpdater);
    await exited;
  }
}

export interface SecureCluster {
  readonly simulator: Simulator;
  readonly connection: Connection;
}

/** A simulated cluster behind HTTPS, whose kubelets are quick enough not to be what limits a rollout. */
export async function secureCluster(scenario: Partial<ScenarioOptions>): Promise<SecureCluster> {
  const authority = makeCertificate({ name: 'authority' });
  const server = makeCertificate({ name: SERVER_NAME, issuer: authority });
  const simulator = await startSimulator({
    speed: SPEED,
    historyEventsMax: HISTORY_EVENTS_MAX,
    certPem: server.certPem,
    keyPem: server.keyPem,
    scenario: { maxUnavailable: '10%', startupMs: 1000, podsPerSecond: 1000, ...scenario },
  });
  const connection: Connection = {
    serverUrl: simulator.url,
    authorization: undefined,
    headers: {},
    caPem: authority.certPem,
    certPem: undefined,
    keyPem: undefined,
    serverName: SERVER_NAME,
    isTlsVerified: true,
    proxyUrl: undefined,
    userAgent: 'bench',
  };
  return { simulator, connection };
}
