import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { RunStatus } from "../../core/plan/run-state.ts";
import type { MaybePromise, TaskOutcome } from "../../core/task/invocation.ts";
import { andThen } from "../../core/task/maybe-promise.ts";
import { hasBlobs } from "../../core/blob-ref.ts";
import type { Context } from "../context.ts";
import { returnClaims } from "../items/run-claims.ts";
import { missingBlob } from "../items/shared-blobs.ts";
import { isSmall } from "../items/values.ts";
import { declaresAny } from "../plan/shared-step.ts";
import { argumentsOf, takesInput } from "./arguments.ts";
import { loadDependencies, type LoadedDependencies, withEdges } from "./dependencies.ts";
import { admit, isAttemptLimited, leaveUnexecuted } from "./limited-attempt.ts";
import type { LiveAttempt } from "./live-attempt.ts";
import type { MemberOutcome } from "./member-outcome.ts";
import { comeBack, type Commit, commitOf, countersOf, endOf } from "./outcome-commit.ts";
import { mayReport } from "../jobs/reported-items.ts";
import { closeReports, withReports } from "./report-stream.ts";
import { type OpenState, readOpenState } from "./stream.ts";
import { AttemptCall } from "./task-call.ts";

/** What an executed attempt leads to. It is `later` when nothing may be committed. */
export type Executed = Commit | Extract<MemberOutcome, { readonly kind: "later" }>;

/**
 * Runs user code for a claimed run and prepares what its one commit writes. Returns without a promise when neither
 * awaits anything. On `later` the claim has been returned, if the attempt still had one to return.
 */
export function executeAttempt(context: Context, attempt: LiveAttempt): MaybePromise<Executed> {
  const { run, step, header } = attempt;
  if (isAttemptLimited(attempt)) return executeLimited(context, attempt);
  if (run.attempt > 1 || takesInput(header, run) || hasBlobs([step.args, step.kwargs]) || declaresAny(context, step))
    return executeWithInput(context, attempt);
  return andThen(context.runner.run(new AttemptCall(context, attempt, step.args ?? [])), (outcome) =>
    endAttempt(context, attempt, outcome, undefined),
  );
}
async function executeWithInput(context: Context, attempt: LiveAttempt): Promise<Executed> {
  const open = attempt.run.attempt > 1 ? await readOpenState(context, attempt) : undefined;
  const call = await prepareCall(context, attempt, open);
  return endAttempt(context, attempt, "kind" in call ? call : await context.runner.run(call), open);
}
/**
 * Runs an attempt that must hold locks, or wait for a rate. It holds them until its outcome is prepared, so a streaming
 * task holds them as long as it streams.
 */
async function executeLimited(context: Context, attempt: LiveAttempt): Promise<Executed> {
  const open = attempt.run.attempt > 1 ? await readOpenState(context, attempt) : undefined;
  const call = await prepareCall(context, attempt, open);
  if ("kind" in call) {
    await leaveUnexecuted(context, attempt);
    return endAttempt(context, attempt, call, open);
  }
  const admission = await admit(context, attempt, call);
  if (admission.kind === "refused") return admission.commit;
  if (admission.kind === "failed") return endAttempt(context, attempt, admission.outcome, open);
  try {
    return await endAttempt(context, attempt, await context.runner.run(call), open);
  } finally {
    await admission.release();
  }
}
/** Prepares what the commit of an attempt writes, after its code has ended in this way. */
export function endAttempt(
  context: Context,
  attempt: LiveAttempt,
  outcome: TaskOutcome,
  open: OpenState | undefined,
): MaybePromise<Executed> {
  const plain =
    outcome.kind === "success" &&
    outcome.spawned === undefined &&
    open === undefined &&
    attempt.aborted === undefined &&
    attempt.edges.size === 0 &&
    !mayReport(attempt.info) &&
    attempt.log.empty;
  if (!plain) return endGeneralCase(context, attempt, outcome, open);
  const { options } = attempt.step;
  const drops = options?.ignoreResult ?? attempt.info.ignoreResult;
  if (!drops && !isSmall(outcome.value)) return endGeneralCase(context, attempt, outcome, open);
  return { set: endOf(context, "success", drops ? {} : { value: outcome.value }, countersOf(outcome)) };
}
async function endGeneralCase(
  context: Context,
  attempt: LiveAttempt,
  outcome: TaskOutcome,
  open: OpenState | undefined,
): Promise<Executed> {
  if (attempt.aborted === "lost") return { kind: "later", delaySeconds: 1 };
  // An outcome that was reached before the stop counts. An attempt that the stop cut off starts again.
  if (attempt.aborted === "stopped" && (outcome.kind === "failed" || outcome.kind === "retry")) {
    if (!attempt.unclaimed) await returnClaims(context, [attempt]);
    return { kind: "later", delaySeconds: 0 };
  }
  // Code that streams its children goes on until its pages are written, and reports meanwhile.
  const streamed =
    outcome.kind === "stream" ? await commitOf(context, attempt, outcome, open, () => attempt.aborted) : undefined;
  const reports = await closeReports(context, attempt);
  if (reports === "lost" || streamed === "lost") return { kind: "later", delaySeconds: 1 };
  const failed = outcome.kind === "failed" || outcome.kind === "retry" || FAILED.has(streamed?.set.status ?? "waiting");
  if (failed && attempt.aborted === "deadline" && reports?.progressed) return comeBack(context);
  const counted = reports && outcome.kind === "success" ? withoutItems(outcome) : outcome;
  const commit = streamed ?? (await commitOf(context, attempt, counted, open, () => attempt.aborted));
  if (commit === "lost") return { kind: "later", delaySeconds: 1 };
  return withEdges(context, attempt, reports ? withReports(attempt, commit, reports.stored) : commit);
}
const FAILED: ReadonlySet<RunStatus> = new Set(["error", "retrying"]);
/** The stored reports say what was counted, over all attempts. */
function withoutItems({ items: _items, ...outcome }: Extract<TaskOutcome, { kind: "success" }>): TaskOutcome {
  return outcome;
}

/** Returns the call of an attempt, or its outcome when no code has to run. */
export async function prepareCall(
  context: Context,
  attempt: LiveAttempt,
  open: OpenState | undefined,
): Promise<AttemptCall | TaskOutcome> {
  // An earlier attempt sealed the group and died before its commit.
  if (open?.sealed) return { kind: "success", value: open.made.ownValue ?? null };
  let input: Awaited<ReturnType<typeof argumentsOf>>;
  let deps: LoadedDependencies;
  try {
    input = await argumentsOf(context, attempt);
    const loaded = await loadDependencies(context, attempt);
    if ("kind" in loaded && typeof loaded.kind === "string") return loaded as TaskOutcome;
    deps = loaded as LoadedDependencies;
  } catch (error) {
    if (error instanceof FanfoldError)
      return {
        kind: "failed",
        error: { name: error.name, message: error.message, reason: error.code, retryable: false },
      };
    throw error;
  }
  const { args, collects, group } = input;
  const missing = await missingArgument(context, attempt, [args, attempt.step.kwargs, deps as Json]);
  return missing ?? new AttemptCall(context, attempt, args, { collects, group, cursor: open?.at.cursor, deps });
}

/** Returns the end of a run that is given a blob which does not exist. Its code would fail, sooner or later. */
async function missingArgument(
  context: Context,
  { run, info }: LiveAttempt,
  input: readonly unknown[],
): Promise<TaskOutcome | undefined> {
  const missing = await missingBlob(context, input, run.ttl);
  if (!missing) return undefined;
  const message = `${info.name} is given a blob that does not exist (${missing.name}): put it, then retry the run`;
  return { kind: "broken", error: { name: "TaskBroken", message, reason: "missing_arg", retryable: false } };
}
