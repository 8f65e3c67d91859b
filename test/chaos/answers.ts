import assert from 'node:assert/strict';
import { waitFor } from '../control-plane/processes.ts';
import { ANSWER_FAULTS, type AnswerFault, type Request, type RequestKind } from './http-pieces.ts';
import { ChaosProxy, type PassedAnswer } from './proxy.ts';
import { assertUnharmed, type Rig } from './rig.ts';
import { NODES, percent } from './settings.ts';
import type { Recovery } from './summary.ts';

const BROKEN_KINDS = ['list', 'lease', 'deletion'] as const satisfies readonly RequestKind[];
/** What was asked is asked again; of a deletion the watch tells. */
const ASKED_AGAIN = ['list', 'lease'] as const satisfies readonly RequestKind[];
/** So late does a watch tell what became of a deletion: time enough to do it twice. */
const WATCH_DELAY_MS = 1_000;
const RECOVERY_TIMEOUT_MS = 20_000;
/** The first answers of each list: the second try waits for a second or two, the third for up to three. */
const BROKEN_EACH_LIST = 2;
/** One in so many; a lease has to be renewed every ten seconds, and is asked for every two. */
const ONE_LEASE_IN = 4;
const ONE_DELETION_IN = 5;

/**
 * Answers to lists, lease requests and deletions are cut short and garbled, after the request has taken effect. Lists are
 * asked for again, the lease stays with its holder, and no pod is deleted twice or forgotten.
 */
export async function garbledAnswers(rig: Rig): Promise<void> {
  const proxy = await ChaosProxy.start(rig.plane);
  try {
    proxy.faultFor = answerFaults();
    proxy.latencyMs = (request) => (request?.kind === 'watch' ? WATCH_DELAY_MS : 0);
    const replica = await rig.startReplica({ route: proxy.route });
    const rollout = await rig.change(percent(6));
    await rollout.reach(percent(100));
    proxy.faultFor = () => undefined;
    await waitFor(() => ASKED_AGAIN.every((kind) => recoveriesOf(proxy.answers, kind) !== undefined), {
      timeoutMs: RECOVERY_TIMEOUT_MS,
      what: 'a whole answer after each broken one',
    });
    const counts = BROKEN_KINDS.map((kind) => `${kind}s: ${countsOf(proxy.answers, kind)}`);
    rig.say(`answers broken: ${counts.join('; ')}`);
    assertAllBroken(proxy.answers);
    await assertUnharmed(replica);
    const leases = (await rig.leases()).filter(({ receivedMs }) => receivedMs >= rollout.startedMs);
    const holders = new Set(leases.map(({ credentialId, holder }) => (holder === '' ? 'nobody' : credentialId)));
    assert.deepEqual([...holders], [replica.credentialId], 'the lease changed hands');
    const asked = proxy.answers.filter(({ kind }) => kind === 'deletion').length;
    await rollout.judge({
      scenario: 'answers truncated and garbled',
      faults: `${proxy.answers.filter(({ fault }) => fault !== undefined).length} answers`,
      recoveries: ASKED_AGAIN.flatMap((kind) => recoveriesOf(proxy.answers, kind) ?? []),
      notes: [
        ...counts.map((text) => `broken ${text}`),
        `watches were ${WATCH_DELAY_MS / 1000} s late; a recovery is the time to the next whole answer; ${asked} deletions were asked for, for ${NODES} pods`,
      ],
    });
  } finally {
    await proxy.stop();
  }
}

/** Which answers are broken and how: each way in turn, for each kind of request. */
function answerFaults(): (request: Request) => AnswerFault | undefined {
  const seen = new Map<string, number>();
  const broken = new Map<RequestKind, number>();
  return ({ kind, path }) => {
    const key = kind === 'list' ? path : kind;
    const index = seen.get(key) ?? 0;
    seen.set(key, index + 1);
    if (!isBroken(kind, index)) return undefined;
    const turn = broken.get(kind) ?? 0;
    broken.set(kind, turn + 1);
    return ANSWER_FAULTS[turn % ANSWER_FAULTS.length];
  };
}

function isBroken(kind: RequestKind, index: number): boolean {
  switch (kind) {
    case 'list':
      return index < BROKEN_EACH_LIST;
    case 'lease':
      return index % ONE_LEASE_IN === ONE_LEASE_IN - 1;
    case 'deletion':
      return index % ONE_DELETION_IN === 0;
    case 'watch':
    case 'other':
      return false;
  }
}

function countsOf(answers: readonly PassedAnswer[], kind: RequestKind): string {
  return ANSWER_FAULTS.map((fault) => `${countOf(answers, kind, fault)} × ${fault}`).join(', ');
}

function countOf(answers: readonly PassedAnswer[], kind: RequestKind, fault: AnswerFault): number {
  return answers.filter((answer) => answer.kind === kind && answer.fault === fault).length;
}

function assertAllBroken(answers: readonly PassedAnswer[]): void {
  for (const kind of BROKEN_KINDS) {
    for (const fault of ANSWER_FAULTS) assert.ok(countOf(answers, kind, fault) > 0, `no ${kind} met ${fault}`);
  }
}

/** From each broken answer to the next whole one to the same question; undefined while one of them has none. */
function recoveriesOf(answers: readonly PassedAnswer[], kind: RequestKind): Recovery[] | undefined {
  const recoveries: Recovery[] = [];
  for (const [index, answer] of answers.entries()) {
    if (answer.kind !== kind || answer.fault === undefined) continue;
    const whole = answers.slice(index).find(({ path, fault }) => path === answer.path && fault === undefined);
    if (whole === undefined) return undefined;
    recoveries.push({ what: `broken ${kind}`, recoveryMs: whole.atMs - answer.atMs });
  }
  return recoveries;
}
