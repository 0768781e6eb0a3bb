import { AsyncLocalStorage } from "node:async_hooks";
import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { errorData, OutcomeError } from "../../core/task/error-data.ts";
import type {
  BulkCall,
  BulkOutcome,
  StreamItem,
  TaskCall,
  TaskOutcome,
  TaskRunner,
} from "../../core/task/invocation.ts";
import type { Log } from "../../host/log.ts";
import type { WatchThread } from "../machine/watch-thread.ts";

/** One attempt, as all code that it started knows it, in timers and promises that nobody awaits too. */
interface Scope {
  readonly task: string;
  /** The first of its runs. */
  readonly runId: string;
  /** Says that its code goes on. */
  readonly leave: (code: Promise<unknown>) => void;
  /** How the attempt ends although its code goes on. */
  failure: TaskOutcome | undefined;
  /** Ends the attempt now, while it is awaited. */
  fail: (outcome: TaskOutcome) => void;
  ended: boolean;
}
type Stream = Extract<TaskOutcome, { readonly kind: "stream" }>;
type Watch = Pick<WatchThread, "call">;
const scopes = new AsyncLocalStorage<Scope>();

/**
 * Returns a runner that keeps what a run does to its process from the other runs of the process. An error that nobody
 * catches, in a timer or a promise, and a call that would end the process, fail the attempt whose code they come from.
 */
export function containedRunner(runner: TaskRunner, watch: Watch): TaskRunner {
  return {
    limits: (call) => runner.limits(call),
    runBulk: (call) => runBulk(runner, watch, call),
    // A hook belongs to no run. What it throws where nobody catches it ends the process.
    runHook: (task, hook, call) => runner.runHook(task, hook, call),
    run: (call) => {
      const scope = scopeOf(call.task, call, (code) => call.services.leave(code));
      const running = enter(scope, watch, () => runner.run(call));
      if (running instanceof Promise) return untilEnded(scope, watch, running);
      return end(scope, watch, running);
    },
  };
}
function scopeOf(task: string, { runId }: Pick<TaskCall, "runId">, leave: Scope["leave"]): Scope {
  return { task, runId, leave, failure: undefined, fail: () => undefined, ended: false };
}
/** Code that fails where nobody catches it fails the whole call, since nobody knows which of its runs is to blame. */
async function runBulk(runner: TaskRunner, watch: Watch, call: BulkCall): Promise<BulkOutcome> {
  const scope = scopeOf(call.task, call.runs[0] as TaskCall, (code) => call.leave(code));
  const running = enter(scope, watch, () => runner.runBulk(call));
  let outcome: BulkOutcome | undefined;
  try {
    outcome = await orFailure(scope, running);
  } catch {
    scope.leave(running);
  }
  scope.ended = true;
  const { failure } = scope;
  if (failure && "error" in failure) return { kind: "failed", outcome: failure };
  return outcome ?? (await running);
}
function enter<T>(scope: Scope, watch: Watch, code: () => T): T {
  return watch.call(scope.runId, () => scopes.run(scope, code));
}
async function untilEnded(scope: Scope, watch: Watch, running: Promise<TaskOutcome>): Promise<TaskOutcome> {
  try {
    return end(scope, watch, await orFailure(scope, running));
  } catch (error) {
    scope.leave(running);
    return end(scope, watch, (error as OutcomeError).outcome);
  }
}
/** Resolves as `work` does, or rejects with an OutcomeError as soon as the attempt fails otherwise. */
function orFailure<T>(scope: Scope, work: Promise<T>): Promise<T> {
  const failed = new Promise<never>((_resolve, reject) => {
    scope.fail = (outcome) => reject(new OutcomeError(outcome));
    if (scope.failure) scope.fail(scope.failure);
  });
  return Promise.race([work, failed]);
}
function end(scope: Scope, watch: Watch, outcome: TaskOutcome): TaskOutcome {
  if (outcome.kind === "stream" && !scope.failure)
    return { ...outcome, items: containedItems(scope, watch, outcome.items) };
  scope.ended = true;
  return scope.failure ?? outcome;
}
/** A stream is pulled from outside of its attempt, so each pull enters the attempt again. */
async function* containedItems(
  scope: Scope,
  watch: Watch,
  items: Stream["items"],
): AsyncGenerator<StreamItem, Json | undefined, undefined> {
  let done = false;
  try {
    for (;;) {
      const next = await orFailure(
        scope,
        enter(scope, watch, () => items.next()),
      );
      done = next.done === true;
      if (next.done) return next.value;
      yield next.value;
    }
  } finally {
    // A generator takes no return while it works on its next item.
    const stopping = done ? undefined : enter(scope, watch, () => items.return(undefined)).catch(() => undefined);
    if (scope.failure && stopping) scope.leave(stopping);
    else await stopping;
    scope.ended = true;
  }
}

/** Fails the attempt whose code is executing. Returns false when there is none. */
function fail(error: unknown, log: Log): boolean {
  const scope = scopes.getStore();
  if (!scope) return false;
  const { task, runId } = scope;
  if (scope.ended)
    log("warn", "code of a run threw after the run had ended", { task, runId, cause: errorData(error).message });
  scope.failure ??= { kind: "failed", error: errorData(error) };
  scope.fail(scope.failure);
  return true;
}

/**
 * Makes this process survive what a run throws where nobody catches it, and refuses a run's calls that would end the
 * process. An error that belongs to no run ends the process, as it would without this.
 */
export function containUserCode(log: Log, crash: (error: unknown) => void): void {
  const survive = (error: unknown): void => {
    if (!fail(error, log)) crash(error);
  };
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  const refuse =
    <Arguments extends readonly unknown[], Result>(
      name: string,
      original: (...given: Arguments) => Result,
      ends: (...given: Arguments) => boolean,
    ) =>
    (...given: Arguments): Result => {
      if (scopes.getStore() === undefined || !ends(...given)) return original(...given);
      const error = new FanfoldError("task_killed", `the task called process.${name}, which ends a worker: throw`, {
        retryable: true,
      });
      fail(error, log);
      throw error;
    };
  const always = (): boolean => true;
  process.exit = refuse("exit", process.exit.bind(process), always) as typeof process.exit;
  process.abort = refuse("abort", process.abort.bind(process), always) as typeof process.abort;
  process.kill = refuse("kill", process.kill.bind(process), (pid, signal) => pid === process.pid && signal !== 0);
}
