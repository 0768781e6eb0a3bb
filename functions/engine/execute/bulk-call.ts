import type { TaskInfo, TaskOutcome } from "../../core/task/invocation.ts";
import { LazySignal } from "../../core/task/stop-signal.ts";
import { sendCalls } from "../admission/bulk-pool.ts";
import { mayBePaused, pausedBy } from "../admission/pauses.ts";
import { endAttempt, type Executed } from "../attempt/attempt.ts";
import { type Prepared, prepareBulkAttempt } from "../attempt/bulk-attempt.ts";
import { commitAttempts, type EndedAttempt } from "../attempt/commit-attempts.ts";
import { LiveAttempt } from "../attempt/live-attempt.ts";
import { DONE, type MemberOutcome } from "../attempt/member-outcome.ts";
import type { AttemptCall } from "../attempt/task-call.ts";
import { all } from "../concurrently.ts";
import { gateOf } from "../groups/gate.ts";
import { isRevoked, mayBeRevoked } from "../groups/revocations.ts";
import type { Header } from "../item-kinds.ts";
import { returnClaims, splitClaims } from "../items/run-claims.ts";
import { placeOf, queueOf } from "../plan/step-placement.ts";
import type { AbortReason, HeldMembers, Hold, WorkerLoop } from "../worker-loop.ts";
import type { BatchRun } from "./claim-batch.ts";
import type { ExecuteContext } from "./execute-context.ts";
import type { Report, Reports } from "./member-reports.ts";

/** Claimed runs of one group that take part in a call. */
export interface ClaimedPack {
  readonly header: Header;
  readonly runs: readonly BatchRun[];
  readonly reports: Reports;
  readonly bytes: ReadonlyMap<BatchRun, number>;
}
/** One run of the call. */
interface Part {
  readonly pack: ClaimedPack;
  readonly run: BatchRun;
  readonly attempt: LiveAttempt;
  readonly bytes: number;
}
interface Ready {
  readonly part: Part;
  readonly call: AttemptCall;
  readonly release: () => Promise<void>;
}

/**
 * One call of the code of a bulk task for runs of any jobs, all claimed under one token.
 *
 *     claimed -> prepared (input loaded, limits taken; a run that is refused one is deferred) -> called
 *       -> ended: each run is committed under its own fence, with its own outcome
 *       -> failed as a whole: the runs are returned with the number of runs that their next call may have, THEN each half
 *          is sent. One run that fails alone fails like any other.
 *
 * A call that could not reach the other side is no reason to look for one run that is to blame, so each run is then
 * retried like any other that could not. Each run is reported once. The hold ends with the last report.
 */
export class BulkCall {
  readonly #context: ExecuteContext;
  readonly #info: TaskInfo;
  readonly #deadline: number;
  readonly #parts: readonly Part[];
  readonly #token: string;
  readonly #signal = new LazySignal();
  readonly #hold: Hold;
  #stopped = false;

  constructor(context: ExecuteContext, loop: WorkerLoop, info: TaskInfo, packs: readonly ClaimedPack[]) {
    const first = packs[0]?.runs[0] as BatchRun;
    const { step } = first.member;
    this.#context = context.patient;
    this.#info = info;
    this.#token = first.token;
    const timeoutSeconds = Math.min(
      step.options?.timeout ?? info.timeoutSeconds,
      loop.limit?.seconds ?? Number.POSITIVE_INFINITY,
    );
    const byTimeout = context.clock.now() + timeoutSeconds * 1_000;
    this.#deadline = Math.min(byTimeout, loop.limit?.at ?? Number.POSITIVE_INFINITY);
    const timing = { deadline: this.#deadline, timeoutSeconds, commitBy: loop.limit?.at };
    this.#parts = packs.flatMap((pack) =>
      pack.runs.map((run) => {
        const of = { header: pack.header, run: run.run, step: run.member.step, info, token: run.token };
        return { pack, run, attempt: new LiveAttempt({ ...of, ...timing }), bytes: pack.bytes.get(run) ?? 0 };
      }),
    );
    const [held, ...together] = packs.map(heldOf) as [HeldMembers, ...HeldMembers[]];
    const { queue } = placeOf(context, step);
    this.#hold = loop.hold(
      { ...held, token: this.#token, task: info.name, queue, deadline: this.#deadline, together },
      (reason, runId) => this.#abort(reason, runId),
    );
  }

  /** Resolves when all runs are reported. Throws when a port failed. The claims that are left are then returned. */
  async execute(): Promise<void> {
    try {
      if (this.#hold.ready) await this.#hold.ready;
      const paused = await this.#askGates();
      const parts = this.#parts.filter((part) => !paused.includes(part));
      await this.#giveBack(paused);
      await this.#hold.begin?.();
      await this.#call(parts);
    } catch (error) {
      await returnClaims(this.#context, this.#parts.map(claimOf));
      throw error;
    } finally {
      this.#hold.release();
    }
  }

  /** Aborts what must not start any more, and returns what must not start now. A claim may have waited for long. */
  async #askGates(): Promise<readonly Part[]> {
    const paused: Part[] = [];
    for (const pack of new Set(this.#parts.map((part) => part.pack))) {
      const gate = await gateOf(this.#context, pack.header.gid);
      const over = gate.kind !== "go";
      if (!over && !mayBeRevoked(gate.header) && !(await mayBePaused(this.#context, gate.header))) continue;
      for (const part of this.#parts) {
        if (part.pack !== pack) continue;
        const { run, member } = part.run;
        const revoked = over || (mayBeRevoked(gate.header) && (await isRevoked(this.#context, gate.header, run)));
        if (revoked) part.attempt.abort("cancelled");
        else if (await pausedBy(this.#context, gate.header, member.step)) paused.push(part);
      }
    }
    return paused;
  }
  async #giveBack(parts: readonly Part[]): Promise<void> {
    if (parts.length === 0) return;
    await returnClaims(this.#context, parts.map(claimOf));
    for (const part of parts) report(part, { kind: "later", delaySeconds: 0 });
  }

  async #call(parts: readonly Part[]): Promise<void> {
    for (const { run } of parts)
      this.#context.statistics.note("run_started", this.#info.name, queueOf(this.#context, run.member.step));
    const startedAt = this.#context.clock.now();
    const prepared = await this.#prepare(parts);
    const ready: Ready[] = [];
    const ended = new Map<Part, Executed>();
    parts.forEach((part, k) => {
      const each = prepared[k] as Prepared;
      if (each.kind === "ended") ended.set(part, each.executed);
      else ready.push({ part, call: each.call, release: () => each.release() });
    });
    try {
      if (ready.length > 0) await this.#run(ready, ended);
    } finally {
      await all(ready.map(({ release }) => release()));
    }
    await this.#commit(parts, ended, this.#context.clock.now() - startedAt);
  }
  /** Prepares all runs. When that fails for one, what the others have taken is released. */
  async #prepare(parts: readonly Part[]): Promise<readonly Prepared[]> {
    const settled = await Promise.allSettled(parts.map(({ attempt }) => prepareBulkAttempt(this.#context, attempt)));
    const failed = settled.find((each) => each.status === "rejected");
    const prepared = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    if (!failed) return prepared;
    await all(prepared.map((each) => (each.kind === "ready" ? each.release() : Promise.resolve())));
    throw failed.reason;
  }
  /** Calls the code, and notes how each run ends. Runs of a failed call that are sent again are not noted. */
  async #run(ready: readonly Ready[], ended: Map<Part, Executed>): Promise<void> {
    const [{ call }] = ready as readonly [Ready];
    const outcome = await this.#context.runner.runBulk({
      task: this.#info.name,
      site: call.site,
      queue: call.queue,
      deadline: this.#deadline,
      signal: this.#signal,
      runs: ready.map((each) => each.call),
      leave: (code) => {
        for (const { part } of ready) part.attempt.left = code;
      },
    });
    if (outcome.kind === "called") {
      await all(ready.map(({ part }, k) => this.#end(part, outcome.outcomes[k] as TaskOutcome, ended)));
      return;
    }
    const split = this.#isSplit(ready, outcome.outcome);
    const parts = ready.map(({ part }) => part);
    const sent = split ? parts.filter(({ attempt: { aborted } }) => !aborted || aborted === "deadline") : [];
    const others = parts.filter((part) => !sent.includes(part));
    await all(others.map((part) => this.#end(part, outcome.outcome, ended, parts.length === 1)));
    if (sent.length > 0) await this.#split(sent);
  }
  /** Whether a call that failed is divided. It is not when it had one run, when it was stopped, or met an outage. */
  #isSplit(ready: readonly Ready[], { error }: { readonly error: { readonly connection?: true } }): boolean {
    return ready.length > 1 && !this.#stopped && error.connection === undefined;
  }
  async #end(part: Part, outcome: TaskOutcome, ended: Map<Part, Executed>, alone = false): Promise<void> {
    const executed = await endAttempt(this.#context, part.attempt, outcome, undefined);
    // What failed alone is called alone again, so that its retries cost others no call.
    const retries = alone && "set" in executed && executed.set.status === "retrying";
    ended.set(part, retries ? { ...executed, set: { ...executed.set, among: 1 } } : executed);
  }
  async #split(parts: readonly Part[]): Promise<void> {
    const half = Math.ceil(parts.length / 2);
    await splitClaims(this.#context, parts.map(claimOf), half);
    const { step } = (parts[0] as Part).run.member;
    const { queue, band } = placeOf(this.#context, step);
    const calls = [parts.slice(0, half), parts.slice(half)].filter((each) => each.length > 0);
    const members = calls.map((each) => ({
      members: each.map(({ pack: { header }, run: { run } }) => ({ ...run, header })),
      band,
    }));
    await sendCalls(this.#context, { queue, task: this.#info.name }, members);
    for (const part of parts) report(part, DONE);
  }

  /** Commits all that has ended, group by group. The time of the call is shared by the size of the runs. */
  async #commit(parts: readonly Part[], ended: ReadonlyMap<Part, Executed>, ms: number): Promise<void> {
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    const packs = [...new Set(parts.map(({ pack }) => pack))];
    await all(
      packs.map(async (pack) => {
        const committing: Part[] = [];
        const attempts: EndedAttempt[] = [];
        for (const part of parts) {
          const executed = part.pack === pack ? ended.get(part) : undefined;
          if (!executed) continue;
          if (!("set" in executed)) report(part, executed);
          else {
            committing.push(part);
            attempts.push({ attempt: part.attempt, commit: executed, ms: bytes > 0 ? (ms * part.bytes) / bytes : ms });
          }
        }
        if (attempts.length === 0) return;
        const outcomes = await commitAttempts(this.#context, attempts);
        committing.forEach((part, k) => report(part, outcomes[k] as MemberOutcome));
      }),
    );
  }

  /** Aborts one run, or the whole call. A call whose runs are all aborted has nothing left to do. */
  #abort(reason: AbortReason, runId?: string): void {
    if (runId === undefined && reason === "stopped") this.#stopped = true;
    for (const { attempt } of this.#parts)
      if (runId === undefined || attempt.run.runId === runId) attempt.abort(reason);
    const last = this.#parts.every(({ attempt }) => attempt.aborted !== undefined) ? this.#parts.at(-1) : undefined;
    if (last) this.#signal.abort(last.attempt.signal.reason);
  }
}
function heldOf({ runs }: ClaimedPack): HeldMembers {
  const { gid, stepIndex } = (runs[0] as BatchRun).run;
  return { gid, stepIndex, members: runs.map(({ run }) => run.index), attempts: runs.map(({ run }) => run.attempt) };
}
const claimOf = ({ run: { run, token } }: Part): Pick<BatchRun, "run" | "token"> => ({ run, token });
function report({ pack, run }: Part, outcome: MemberOutcome): void {
  const reported: Report = { ref: run.run, outcome };
  pack.reports.add(Promise.resolve([reported]));
}
