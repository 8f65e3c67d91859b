import { createLogger } from '../../src/manager/logging.ts';

/** Logs so many lines, whether anybody reads them or not, and tells its parent when it has, and whether time goes on. */
const [format = 'json', count = '0', end = 'flush'] = process.argv.slice(2);
const logger = createLogger({ level: 'info', format: format === 'pretty' ? 'pretty' : 'json' });
for (let index = 0; index < Number(count); index += 1) logger.log('info', 'pod deleted', { node: `n${index}` });
process.send?.('logged');
if (end === 'crash') throw new Error('crash');
if (end === 'exit') process.exit(3);
process.once('message', () => process.send?.('turns'));
await logger.flush();
process.disconnect?.();
