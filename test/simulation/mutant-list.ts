import { type Mutant, one } from './mutant.ts';
import { PLACE_MUTANTS } from './place-mutants.ts';
import { UNREADABLE_MUTANTS } from './unreadable-mutants.ts';
import { VIEW_MUTANTS } from './view-mutants.ts';

const CLASSIFY = 'src/rollout/classify.ts';
const ASKS = 'src/rollout/asks.ts';
const BUDGET = 'src/rollout/budget.ts';
const TASKS = 'src/rollout/tasks.ts';
const REFLECTOR = 'src/cache/reflector-machine.ts';
const REQUESTS = 'src/client/requests.ts';
const REVISION = 'src/kube/revision.ts';
const CONTROLLER = 'src/controller/controller.ts';
const TRAFFIC = 'src/controller/traffic.ts';
const ELECTION = 'src/election/election-machine.ts';
const STUCK = 'src/rollout/stuck.ts';

const UNWANTED = "facts.strategy !== 'AdvancedRollingUpdate' || slot.eligibility !== 2 || slot.node?.isReady !== true";

export const MUTANTS: readonly Mutant[] = [
  one('no-uid-precondition', 'a deletion is not bound to the pod that was decided about', {
    file: REQUESTS,
    find: 'preconditions: { uid }, gracePeriodSeconds',
    replace: 'gracePeriodSeconds',
  }),
  one('patch-without-uid', 'a mark is not bound to the pod that was decided about', {
    file: REQUESTS,
    find: '{ metadata: { uid: target.uid }, status: { conditions: [condition] } }',
    replace: '{ status: { conditions: [condition] } }',
  }),
  one('missing-pods-forgotten', 'a node whose pod is gone and not yet created again is not in the budget', {
    file: CLASSIFY,
    find: '(hasAvailable ? BIT.available : BIT.unavailable)',
    replace: '(hasAvailable ? BIT.available : slot.pods.length === 0 ? 0 : BIT.unavailable)',
  }),
  one('counted-not-observed', 'a deletion is over when it is answered, not when the watch shows it', {
    file: ASKS,
    find: `  switch (outcome.code) {
    case 'done':
    case 'gone':
    case 'unknown':
      if (ask.action === 'force-delete')`,
    replace: `  switch (outcome.code) {
    case 'done':
      slot.ask = undefined;
      return DROP;
    case 'gone':
    case 'unknown':
      if (ask.action === 'force-delete')`,
  }),
  one('lost-means-not-applied', 'a request without an answer is taken for one that was not applied', {
    file: ASKS,
    find: `    case 'unknown':
      if (ask.action === 'force-delete')`,
    replace: `    case 'unknown':
      if (outcome.code === 'unknown') return retry(ask, outcome, 'asked');
      if (ask.action === 'force-delete')`,
  }),
  one('lost-means-applied', 'a request without an answer is taken for one that was applied, and never looked at', {
    file: ASKS,
    find: "else ask.phase = 'observe-due';",
    replace: 'else ask.dueMs = Number.POSITIVE_INFINITY;',
  }),
  one('generation-unchecked', "the newest revision is used before the DaemonSet's generation was observed", {
    file: 'src/rollout/definition.ts',
    find: 'if (daemonSet.observedGeneration < daemonSet.generation) {',
    replace: 'if (daemonSet.generation < 0) {',
  }),
  {
    name: 'fence-ignored',
    bug: 'a write leaves after the right to write is over',
    patches: [
      {
        file: 'workers/steps/departure.ts',
        find: "if (rightMs <= 0) return { kind: 'fenced' };",
        replace: '',
      },
      {
        file: 'workers/steps/departure.ts',
        find: 'Math.min(rightMs, limits.deadlineMs - nowMs)',
        replace: 'limits.deadlineMs - nowMs',
      },
    ],
  },
  {
    name: 'lease-counted-from-answer',
    bug: "the right to write lasts for the lease's duration from the renewal's answer",
    patches: [
      {
        file: ELECTION,
        find: 'const writeUntilMs = request.startedAtMs + this.#timings.renewDeadlineMs;',
        replace: 'const writeUntilMs = nowMs + this.#timings.leaseDurationMs;',
      },
      {
        file: ELECTION,
        find: 'const writeUntilWallMs = request.startedAtWallMs + this.#timings.renewDeadlineMs;',
        replace: 'const writeUntilWallMs = this.#wallMs + this.#timings.leaseDurationMs;',
      },
    ],
  },
  one('suspended-unnoticed', 'a thread that goes on after the machine was suspended does not look at the wall clock', {
    file: 'workers/steps/departure.ts',
    find: 'const rightMs = isWrite ? rightLeftMs(limits, nowMs, wallMs) : Number.POSITIVE_INFINITY;',
    replace: 'const rightMs = isWrite ? limits.writeUntilMs - nowMs : Number.POSITIVE_INFINITY;',
  }),
  one('lease-stolen', 'a candidate takes a lease that has not expired', {
    file: ELECTION,
    find: '|| nowMs >= this.#expiryMs(lease.record)',
    replace: '|| this.#expiryMs(lease.record) > 0',
  }),
  {
    name: 'not-ready-ignored',
    bug: 'nodes that are NotReady are updated like others',
    patches: [
      {
        file: CLASSIFY,
        find: '  if (!slot.node.isReady && slot.node.unreadable === undefined) return mask;\n',
        replace: '',
      },
      {
        file: TASKS,
        find: UNWANTED,
        replace: UNWANTED.replace('slot.node?.isReady !== true', 'slot.node === undefined'),
      },
    ],
  },
  one('no-hash-means-old', 'a pod without a revision hash is old whatever its template generation', {
    file: REVISION,
    find: 'return target.templateGeneration !== undefined && pod.templateGeneration === target.templateGeneration;',
    replace: 'return false;',
  }),
  one('ahead-means-old', 'a pod that is newer than the revisions read so far is old', {
    file: REVISION,
    find: ' || isAhead(pod, target)',
    replace: '',
  }),
  {
    name: 'budget-off-by-one',
    bug: 'one node more than allowed may be without an available pod',
    patches: [
      {
        file: BUDGET,
        find: "use.unavailable + use.reserved >= use.allowed) return 'budget'",
        replace: "use.unavailable + use.reserved > use.allowed) return 'budget'",
      },
      {
        file: BUDGET,
        find: 'use.unavailable + use.reserved <= use.allowed',
        replace: 'use.unavailable + use.reserved <= use.allowed + 1',
      },
    ],
  },
  {
    name: 'unavailable-all-at-once',
    bug: 'old pods that are unavailable anyway are all replaced at once',
    patches: [
      { file: BUDGET, find: "  if (use.inFlight >= use.allowed) return 'budget';\n", replace: '' },
      { file: BUDGET, find: 'use.inFlight <= use.allowed && ', replace: '' },
    ],
  },
  one('asked-not-reserved', 'a pod that is about to be deleted is still counted as available', {
    file: CLASSIFY,
    find: '  if (isAsked && hasAvailable) mask |= BIT.reserved;\n',
    replace: '',
  }),
  one('last-look-skipped', 'what waited in a queue leaves without a second look at the budget', {
    file: 'src/rollout/selection.ts',
    find: 'return stillFits((slot.mask & BIT.available) !== 0, this.use());',
    replace: 'return true;',
  }),
  one('min-ready-ignored', 'a pod is available as soon as it is Ready', {
    file: 'src/kube/availability.ts',
    find: 'readySinceMs + minReadyMs : Number',
    replace: 'readySinceMs : Number',
  }),
  one('no-synthetic-deletes', 'objects that vanished while the watch was gone stay in the cache', {
    file: REFLECTOR,
    find: 'if (!state.items.has(key) && !state.unreadable.has(key)) deltas.push(...this.store.removeKey(key));',
    replace: '',
  }),
  one('resume-too-far', 'a watch that was cut resumes one version too far', {
    file: REFLECTOR,
    find: `    this.#version = resourceVersion;
    this.#garbledInARow = 0;`,
    replace: `    this.#version = String(Number(resourceVersion) + 1);
    this.#garbledInARow = 0;`,
  }),
  one('gone-is-retried', 'a watch that is out of date is tried again instead of listing', {
    file: REFLECTOR,
    find: "if (failure.code === 'gone') {",
    replace: "if (failure.code === 'gone') return this.#retry('watch', failure, nowMs); else {",
  }),
  one('marks-always', 'the OTA condition is written whether it differs or not', {
    file: 'src/rollout/marks.ts',
    find: 'if (!isMarked(pod, mark)) first =',
    replace: 'first =',
  }),
  {
    name: 'ota-deletes',
    bug: 'an OTA DaemonSet is updated by deleting its pods',
    patches: [
      {
        file: CLASSIFY,
        find: "    case 'OTA':\n      return holdBack(common | classifyMark(slot, facts), slot, { facts, nowMs });\n",
        replace: "    case 'OTA':\n",
      },
      {
        file: TASKS,
        find: UNWANTED,
        replace: UNWANTED.replace("facts.strategy !== 'AdvancedRollingUpdate'", 'facts.strategy === undefined'),
      },
    ],
  },
  one('opted-out-goes-on', 'a DaemonSet that opted out is updated to the end', {
    file: CONTROLLER,
    find: `      if (followed !== undefined) this.#unfollow(followed, nowMs);
      return;`,
    replace: '      return;',
  }),
  one('foreign-pods-taken', "pods of other owners with the DaemonSet's labels are taken for its own", {
    file: 'src/rollout/rollout.ts',
    find: 'if (pod.ownerUid !== this.#identity.uid) {',
    replace: "if (pod.ownerUid === 'nobody') {",
  }),
  {
    name: 'recreated-not-noticed',
    bug: 'a DaemonSet that was deleted and created again is taken for the same one',
    patches: [
      {
        file: CONTROLLER,
        find: 'if (followed !== undefined && followed.uid !== daemonSet.uid) this.#unfollow(followed, nowMs);',
        replace: '',
      },
      { file: CONTROLLER, find: 'if (followed?.uid === daemonSet.uid) this.#unfollow(followed, nowMs);', replace: '' },
    ],
  },
  one('two-lanes-a-slot', 'a slot that a lane works on is queued again', {
    file: 'src/dispatch/keyed-queue.ts',
    find: 'if (known === undefined) {',
    replace: 'if (known === undefined || known.lane !== NO_LANE) {',
  }),
  one('no-backoff', 'what was refused is tried again at once', {
    file: 'src/dispatch/backoff.ts',
    find: 'Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(input.failures, DOUBLINGS_MAX))',
    replace: '0',
  }),
  one(
    'backoff-begins-anew',
    'a mark that was throttled is taken back when another one is tried, and its backoff forgotten',
    {
      file: 'src/rollout/selection.ts',
      find: 'return slot.ask?.setback !== undefined || this',
      replace: 'return this',
    },
  ),
  one('retry-after-ignored', 'Retry-After is not waited for', {
    file: 'src/dispatch/backoff.ts',
    find: 'Math.max(exponentialMs, input.atLeastMs)',
    replace: 'exponentialMs',
  }),
  one('repeats-at-once', 'a pod that is deleted for the same target again and again is deleted without a pause', {
    file: 'src/rollout/holdback.ts',
    find: 'if (repeatCount < REPEATS_FREE) return -NEVER;',
    replace: 'if (repeatCount >= 0) return -NEVER;',
  }),
  one('dead-lane-forgotten', 'nobody asks what became of the tasks of a thread that died', {
    file: TRAFFIC,
    find: `      this.#parts.ports.taskDone(outcome, undefined);
      this.#settle(sent, outcome, nowMs);`,
    replace: '      this.#parts.ports.taskDone(outcome, undefined);',
  }),
  one('taken-back-in-silence', 'a slot whose task was taken back is not looked at again', {
    file: TRAFFIC,
    find: `        owner.isDirty = true;
        hasReleased = true;`,
    replace: '',
  }),
  one('said-for-ever', 'what was to be said about a DaemonSet that opted out stays due and keeps the loop awake', {
    file: CONTROLLER,
    find: '    this.#notices.unfollowed(followed.key, nowMs);\n',
    replace: '',
  }),
  ...PLACE_MUTANTS,
  ...VIEW_MUTANTS,
  ...UNREADABLE_MUTANTS,
  one('pause-of-a-kind', 'a pause whose value is neither true nor false holds nothing', {
    file: 'src/kube/annotations.ts',
    find: "value === undefined || value === 'false') return false;",
    replace: "value !== 'true') return false;",
  }),
  one('force-unasked', 'pods stuck in Terminating are deleted by force though nobody asked for it', {
    file: STUCK,
    find: 'facts.isForceDeleteStuck && ',
    replace: '',
  }),
];
