import { type Simulator, startSimulator } from '../../src/simulator/start.ts';
import { conformanceSuite } from './suite.ts';

const ADMIN = 'admin-token';

let simulator: Simulator | undefined;

conformanceSuite({
  name: 'simulator',
  suffix: 'a',
  start: async () => {
    const started = await startSimulator({
      scenario: { nodes: 2, daemonSets: 0, startupMs: 100 },
      tokens: [ADMIN, 'restricted-token'],
      restrictedTokens: ['restricted-token'],
    });
    simulator = started;
    return {
      name: 'simulator',
      url: started.url,
      headers: { authorization: `Bearer ${ADMIN}` },
      caPem: undefined,
      nodeLabels: {},
      compact: () => started.control.compact(),
      sendBookmarks: () => started.control.sendBookmarks(),
      restricted: { authorization: 'Bearer restricted-token' },
    };
  },
  stop: async () => await simulator?.close(),
});
