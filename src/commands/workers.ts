import { WORKERS_PATH } from '../server/admin-routes.ts';
import { parseWorkersReport } from '../status/controller-report.ts';
import { API_VERSION, type WorkersDocument } from '../status/documents.ts';
import { askController } from './admin-client.ts';
import type { WorkersOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK } from './program.ts';
import { workersLines } from './workers-view.ts';

/** Asks the controller on this machine how many worker threads it has and why, after setting the number if one is given. */
export async function workers({ setting, address, output }: WorkersOptions): Promise<number> {
  const query = setting === undefined ? '' : `?value=${setting}`;
  const method = setting === undefined ? 'GET' : 'PUT';
  const answer = await askController(address, { method, pathAndQuery: `${WORKERS_PATH}${query}` });
  if (!answer.ok) {
    process.stderr.write(`error: ${answer.message}\n`);
    return EXIT_FAILED;
  }
  const report = parseWorkersReport(answer.json);
  if (report === undefined) {
    process.stderr.write("error: the controller's answer cannot be read: is it of another version?\n");
    return EXIT_FAILED;
  }
  const document: WorkersDocument = { apiVersion: API_VERSION, kind: 'WorkersReport', ...report };
  const lines = output === 'json' ? [JSON.stringify(document)] : workersLines(report, Date.now());
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT_OK;
}
