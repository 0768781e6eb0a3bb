import type * as z from "zod/v4/core";
import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { OutcomeError } from "../core/task/error-data.ts";
import type { LimitSettings } from "./limit-settings.ts";
import type { TaskContext } from "./task-context.ts";
import { createTask, type GivenKwargs, type Task } from "./task.ts";
import type { KwargsOf, TaskSettings } from "./task-settings.ts";

/** The context of `input`: that of a task, without children of its own and counters. */
export type InputContext<Kwargs> = Omit<
  TaskContext<Kwargs>,
  "spawn" | "spawnWithCallback" | "addToChord" | "replace" | "count" | "at" | "cursor"
>;

/** The definition that `defineStateMachineTask` takes. */
export interface StateMachineTaskDefinition<
  Args extends readonly unknown[],
  Kwargs extends z.$ZodObject | undefined,
> extends Omit<TaskSettings, "timeout" | "policy" | keyof LimitSettings> {
  /** Name of a Standard state machine in the deployment's account and region, or its ARN. */
  readonly stateMachine: string;
  /** Returns the input of the execution, at most 256 KB of JSON. Default: `{ args, kwargs }`. */
  readonly input?: (ctx: InputContext<KwargsOf<Kwargs>>, ...args: Args) => unknown;
  /**
   * Longest execution in seconds. Then it is stopped, and the run fails with `task_timeout`. Default: until the
   * deadline of the job, which may be a year away.
   */
  readonly timeout?: number;
  /** Schema of the keyword arguments, as in `defineTask`. */
  readonly kwargs?: Kwargs;
  /** `z.tuple(..)` of the positional arguments, as in `defineTask`. */
  readonly args?: z.$ZodType<Args>;
}

const NAME = /^(arn:[a-z0-9-]+:states:[a-z0-9-]+:\d{12}:stateMachine:)?[A-Za-z0-9_-]{1,80}$/;

/**
 * Defines a task whose work is an execution of a Step Functions state machine. An execution may take longer than a
 * function may run, and may have containers and steps of its own.
 *
 * A worker makes the input. Then the run waits, which costs nothing, and ends as the execution ends. The output of the
 * execution is the value of the run. Its error is the error of the run, with reason `execution_failed`. Cancelling or
 * revoking the run stops the execution.
 *
 * `retry` applies to making the input; the state machine retries the execution. On a single machine the run fails with
 * `executions_unavailable`.
 * @throws FanfoldError `invalid_request` (`details.field` names the field), `invalid_queue_name`
 * @example
 * export const encode = defineStateMachineTask<[video: string], { seconds: number }>({
 *   name: "video.encode",
 *   stateMachine: "encode-video",
 *   timeout: 6 * 3_600,
 *   input: (_ctx, video) => ({ video }),
 * });
 * chain(fetchVideo.s(url), encode.s(), publish.s());
 */
export function defineStateMachineTask<
  Args extends readonly unknown[] = readonly Json[],
  Output = Json,
  Kwargs extends z.$ZodObject | undefined = undefined,
>(definition: StateMachineTaskDefinition<Args, Kwargs>): Task<Args, Output, GivenKwargs<Kwargs>> {
  const { stateMachine, input, timeout, ...rest } = definition;
  if (!NAME.test(stateMachine))
    throw invalid(
      "/stateMachine",
      `${JSON.stringify(stateMachine)} is neither the name of a state machine nor its ARN`,
    );
  if (timeout !== undefined && !(timeout > 0 && Number.isFinite(timeout)))
    throw invalid("/timeout", "the timeout must be a number of seconds above 0");
  if (input !== undefined && typeof input !== "function") throw invalid("/input", "input must be a function");
  const run = async (ctx: TaskContext<KwargsOf<Kwargs>>, ...args: Args): Promise<Output> => {
    const given = input === undefined ? { args, kwargs: ctx.kwargs } : await input(ctx, ...args);
    const json = toJson(given, `the input of ${stateMachine}`, { maxBytes: LIMITS.executionInputBytes });
    throw new OutcomeError({ kind: "execution", machine: stateMachine, input: json });
  };
  const machine = { name: stateMachine, ...(timeout !== undefined && { timeoutSeconds: timeout }) };
  return createTask<Args, Promise<Output>, Kwargs>({ ...rest, run }, { stateMachine: machine });
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
