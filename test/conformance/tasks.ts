import { setTimeout as pause } from "node:timers/promises";
import { clone } from "../../functions/core/canvas/canvas-parts.ts";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import {
  defineTask,
  group,
  type Json,
  type JsonObject,
  QueueName,
  type RetryPolicy,
  type TaskContext,
  TaskError,
} from "../../functions/sdk/index.ts";
import { bind, type Bound, listOf, numberOf, type Parameters, sumOf } from "./parameters.ts";

/** Defines a task that the notation of cases/canvas-notation.md asks for. */
function define(
  name: string,
  parameters: Parameters,
  run: (ctx: TaskContext, bound: Bound) => Json | Promise<Json>,
  retry: Partial<RetryPolicy> = {},
) {
  const body = async (ctx: TaskContext, ...args: Json[]): Promise<Json> => run(ctx, bound(ctx, parameters, args));
  // The notation calls the default queue `celery`, as Celery does.
  return defineTask({ name, queue: "celery", retry, run: body });
}
function bound(ctx: TaskContext, parameters: Parameters, args: readonly Json[]): Bound {
  try {
    return bind(parameters, args, ctx.kwargs);
  } catch (error) {
    return ctx.fail(error, { retryable: false });
  }
}
/**
 * Writes into the run's log, so that the runner finds the value wherever the task ran. The clock is finer than
 * milliseconds, so the order is known.
 */
function write(ctx: TaskContext, value: Json): void {
  ctx.log.info("conformance", { value, at: performance.timeOrigin + performance.now() });
}

export const add = define(
  "add",
  { named: ["x", "y", "z"], defaults: { z: 0 } },
  (_ctx, { values: { x, y, z } }) => numberOf(x) + numberOf(y) + numberOf(z),
);
export const mul = define("mul", { named: ["x", "y"] }, (_ctx, { values: { x, y } }) => numberOf(x) * numberOf(y));
export const tsum = define("tsum", { named: ["nums"] }, (_ctx, { values: { nums } }) => sumOf(nums));
export const xsum = define("xsum", { named: ["nums"] }, (_ctx, { values: { nums } }) =>
  sumOf(listOf(nums).map((each) => (Array.isArray(each) ? sumOf(each) : each))),
);
export const identity = define("identity", { named: ["x"] }, (_ctx, { values: { x } }) => x as Json);
export const argsOf = define("args_of", { rest: true }, (_ctx, { rest }) => rest);
export const kwargsOf = define("kwargs_of", { others: true }, (_ctx, { others }) =>
  Object.fromEntries(Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1))),
);
export const constant = define(
  "const",
  { named: ["v"], defaults: { v: null } },
  (_ctx, { values: { v } }) => v as Json,
);
export const fail = define("fail", { rest: true, others: true }, () => {
  throw new TaskError("task expected to fail");
});

export const log = define("log", { named: ["msg"] }, (ctx, { values: { msg } }) => {
  write(ctx, msg as Json);
  return msg as Json;
});
export const logValue = define("log_value", { named: ["v", "tag"] }, (ctx, { values: { v, tag } }) => {
  write(ctx, [tag as Json, v as Json]);
  return v as Json;
});
export const onError = define(
  "on_err",
  { named: ["request", "exc", "traceback", "tag"] },
  (ctx, { values: { exc, tag } }) => {
    write(ctx, [tag as Json, (exc as { readonly name: string }).name]);
    return null;
  },
);
export const oldErrback = define("err_old", { named: ["task_id"] }, (ctx) => {
  write(ctx, "old");
  return null;
});

export const slow = define(
  "slow",
  { named: ["v", "ms"], defaults: { ms: 200 } },
  async (ctx, { values: { v, ms } }) => {
    await pause(numberOf(ms), undefined, { signal: ctx.signal });
    write(ctx, v as Json);
    return v as Json;
  },
);
export const late = define("late", { named: ["x", "ms"] }, async (ctx, { values: { x, ms } }) => {
  await pause(numberOf(ms), undefined, { signal: ctx.signal });
  return x as Json;
});

export const retryN = define(
  "retry_n",
  { named: ["v", "n"] },
  (ctx, { values: { v, n } }) => {
    write(ctx, "attempt");
    if (ctx.attempt <= numberOf(n)) ctx.retry({ delaySeconds: 0 });
    return v as Json;
  },
  { maxAttempts: 1_000 },
);
export const retryExhaust = define(
  "retry_exhaust",
  {},
  (ctx) => {
    write(ctx, "attempt");
    throw new TaskError("one retry was not enough");
  },
  { maxAttempts: 2, initialDelaySeconds: 0 },
);

export const replaceWith = define(
  "replace_with",
  { named: ["sig", "forward"], defaults: { forward: false }, rest: true },
  (ctx, { values, rest }) => {
    write(ctx, "replacing");
    const canvas = parseCanvas(values["sig"]);
    return ctx.replace(values["forward"] === true ? clone(canvas, { args: rest }) : canvas);
  },
);
export const spread = define("spread", { named: ["nums", "val"] }, (ctx, { values: { nums, val } }) =>
  ctx.replace(group(listOf(nums).map((each) => parseCanvas({ task: "add", args: [each, val] })))),
);
export const extendChord = define("extend_chord", { named: ["v", "sigs"] }, (ctx, { values: { v, sigs } }) => {
  for (const sig of listOf(sigs)) ctx.addToChord(parseCanvas(sig));
  return v as Json;
});

// These tasks stand anywhere in a chain, and ignore their input.
const ANY: Parameters = { rest: true, others: true };
export const priority = define("prio", ANY, (ctx) => ctx.priority ?? null);
export const queueOf = define("queue_of", ANY, (ctx) => QueueName.parse(ctx.queue).queue);
export const groupOf = define("group_of", ANY, (ctx) => [ctx.member.group !== ctx.jobId, ctx.member.index]);
export const stamps = define("stamps", ANY, (ctx): JsonObject => ctx.stamps);
