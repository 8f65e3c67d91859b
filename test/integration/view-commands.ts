import { plan } from '../../src/commands/plan.ts';
import { EXIT_FAILED, runProgram } from '../../src/commands/program.ts';
import { status } from '../../src/commands/status.ts';
import { fatalText } from '../../src/manager/fatal-text.ts';
import type { Simulator } from '../../src/simulator/start.ts';
import { noteName } from '../../src/status/note-object.ts';
import { eventually } from './support.ts';

/** `plan` and `status` in this process, as `main.ts` calls them: each process of its own loads the program first. */
export async function view(args: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const writeOut = (text: string): void => {
    stdout += text;
  };
  const writeErr = (text: string): void => {
    stderr += text;
  };
  const streams = { stdout: { write: writeOut }, stderr: { write: writeErr } };
  const other = () => Promise.reject(new Error(`${args[0]} needs a process of its own`));
  const handlers = {
    ...{ run: other, simulate: other, workers: other },
    plan: (options: Parameters<typeof plan>[0]) => plan(options, streams),
    status: (options: Parameters<typeof status>[0]) => status(options, streams),
  };
  const code = await runProgram(args, { version: 'test', handlers, writeOut, writeErr }).catch((error: unknown) => {
    writeErr(`error: ${fatalText(error)}\n`);
    return EXIT_FAILED;
  });
  return { code, stdout, stderr };
}

/** Looks only when the leader has told something new, every ten seconds at most. */
export async function untilTold(
  cluster: Simulator,
  leaseName: string,
  what: string,
  isTold: () => Promise<boolean>,
): Promise<void> {
  const url = `${cluster.url}/api/v1/namespaces/default/configmaps/${noteName(leaseName)}`;
  let before: unknown;
  await eventually(what, async () => {
    const answer = (await (await fetch(url)).json()) as { metadata?: { resourceVersion?: string } };
    const version = answer.metadata?.resourceVersion;
    if (version === undefined || version === before) return false;
    before = version;
    return isTold();
  });
}
