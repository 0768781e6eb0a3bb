import { FanfoldError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { PassHook } from "../core/task/bulk.ts";
import { errorData, OutcomeError } from "../core/task/error-data.ts";
import type { BulkCall, BulkOutcome, HookCall, TaskCall, TaskOutcome } from "../core/task/invocation.ts";
import { abortSignalOf } from "../core/task/stop-signal.ts";
import { raceAbort } from "./abort-race.ts";
import type { AnyTask } from "./any-task.ts";
import { AttemptEffects } from "./attempt-effects.ts";
import { AttemptWaits } from "./attempt-waits.ts";
import type { AnyBulkDefinition, BulkContext, BulkRun, BulkRunOutcome } from "./bulk.ts";
import { createContext } from "./create-context.ts";
import { withCall } from "./current-task.ts";
import { outcomeOf } from "./outcome-of.ts";
import type { Supplies } from "./resource-pool.ts";
import { checkCall, resultJson } from "./run-attempt.ts";
import type { TaskContext } from "./task-context.ts";

type Bulk = Pick<AnyBulkDefinition, "run">;

/** Calls the code of a bulk task for runs whose arguments fit. The others fail, and are not in the call. */
export async function runBulk(task: AnyTask, call: BulkCall, supplies: Supplies): Promise<BulkOutcome> {
  const checked = await Promise.all(call.runs.map((run) => check(task, run, supplies)));
  const fitting = checked.flatMap((each) => ("run" in each ? [each.run] : []));
  try {
    const ends = (fitting.length === 0 ? [] : await runFitting(task, call, fitting, supplies)).values();
    const outcomes = checked.map((each) => ("run" in each ? (ends.next().value as TaskOutcome) : each.outcome));
    return { kind: "called", outcomes };
  } catch (thrown) {
    const outcome = outcomeOf(thrown, call.signal);
    if (outcome.kind === "failed" || outcome.kind === "broken") return { kind: "failed", outcome };
    throw thrown;
  }
}
/** Calls a hook of a bulk task. */
export async function runHook(
  { name, definition }: AnyTask,
  hook: PassHook,
  call: HookCall,
  supplies: Supplies,
): Promise<void> {
  const code = definition.bulk?.[hook];
  if (code) await raceAbort(call.signal, async () => code(contextOf(name, call, supplies)));
}
/** Calls the code of a bulk task with one run, and ends as that run does. */
export function runSingle(task: () => AnyTask, { run }: Bulk): AnyTask["definition"]["run"] {
  return async (ctx, ...args) => {
    const { deadline, signal, site, queue, use, secret } = ctx;
    const returned: unknown = await run({ task: ctx.task, deadline, signal, site, queue, use, secret }, [
      bulkRun(ctx, args),
    ]);
    const [outcome] = requireOutcomes(ctx.task, returned, 1);
    if (!isOutcome(outcome)) throw new OutcomeError(noOutcome(task()));
    if ("error" in outcome) throw asError(outcome.error);
    return outcome.value;
  };
}

async function check(
  task: AnyTask,
  call: TaskCall,
  supplies: Supplies,
): Promise<{ readonly run: BulkRun } | { readonly outcome: TaskOutcome }> {
  try {
    const { args, kwargs } = await checkCall(task, call);
    const ctx = createContext(call, kwargs, false, {
      effects: new AttemptEffects("settled"),
      waits: new AttemptWaits(call.services),
      supplies,
      log: task.definition.log,
    });
    return { run: bulkRun(ctx, args) };
  } catch (thrown) {
    return { outcome: outcomeOf(thrown, call.signal) };
  }
}
async function runFitting(
  task: AnyTask,
  call: BulkCall,
  runs: readonly BulkRun[],
  supplies: Supplies,
): Promise<readonly TaskOutcome[]> {
  const { run } = task.definition.bulk as Bulk;
  let left: Promise<unknown> | undefined;
  const code = async (): Promise<unknown> =>
    withCall(call.runs[0] as TaskCall, () => run(contextOf(task.name, call, supplies), runs));
  try {
    const returned = await raceAbort(call.signal, () => (left = code()));
    return requireOutcomes(task.name, returned, runs.length).map((each) => end(task, each));
  } catch (thrown) {
    if (call.signal.aborted && left) call.leave(left);
    throw thrown;
  }
}
function contextOf(task: string, { site, queue, deadline, signal }: HookCall, { use, secret }: Supplies): BulkContext {
  return {
    task,
    use,
    secret,
    site,
    queue,
    deadline,
    get signal() {
      return abortSignalOf(signal);
    },
  };
}
function bulkRun(ctx: TaskContext, args: readonly unknown[]): BulkRun {
  const { runId, jobId, attempt, stamps } = ctx;
  return {
    id: runId,
    jobId,
    args,
    kwargs: ctx.kwargs,
    attempt,
    stamps,
    get deps() {
      return ctx.deps;
    },
    get signal() {
      return ctx.signal;
    },
    get log() {
      return ctx.log;
    },
  };
}

/** Returns the list that a bulk task must return. Throws `invalid_bulk_outcome`: nothing is known of any run then. */
function requireOutcomes(task: string, returned: unknown, runs: number): readonly unknown[] {
  if (Array.isArray(returned) && returned.length === runs) return returned;
  const what = Array.isArray(returned) ? `a list of ${returned.length}` : `no list (${typeof returned})`;
  throw new FanfoldError(
    "invalid_bulk_outcome",
    `the bulk task ${task} returned ${what}: return one outcome for each of its ${runs} runs, in their order`,
    { details: { runs } },
  );
}
function end(task: AnyTask, given: unknown): TaskOutcome {
  if (!isOutcome(given)) return noOutcome(task);
  if ("error" in given) {
    const error = asError(given.error);
    return { kind: error.name === "TaskBroken" ? "broken" : "failed", error: errorData(error) };
  }
  try {
    return { kind: "success", value: task.info.ignoreResult ? null : (resultJson(task, given.value) as Json) };
  } catch (thrown) {
    if (thrown instanceof OutcomeError) return thrown.outcome;
    throw thrown;
  }
}
function isOutcome(given: unknown): given is BulkRunOutcome {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  const names = Object.keys(given as JsonObject);
  return names.length === 1 && (names[0] === "value" || names[0] === "error");
}
/** A run without an outcome is broken: the code has run, and running it again would say no more. */
function noOutcome(task: AnyTask): TaskOutcome & { readonly kind: "broken" } {
  const message = `the bulk task ${task.name} gave no outcome for this run: return { value } or { error } in its place`;
  return {
    kind: "broken",
    error: { name: "FanfoldError", message, reason: "invalid_bulk_outcome", retryable: false },
  };
}
const asError = (error: Error | string): Error => (typeof error === "string" ? new Error(error) : error);
