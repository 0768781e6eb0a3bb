import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { ownerOf, parseRunId, runIdOf } from "../../functions/core/plan/run-id.ts";
import {
  canvasFrom,
  chain,
  chord,
  defineTask,
  group,
  type CanvasSource,
  type Json,
  type JsonObject,
  type RetryPolicy,
  type TaskContext,
} from "../../functions/sdk/index.ts";
import { bind, type Bound, listOf, numberOf, type Parameters } from "../conformance/parameters.ts";
import { redisClient } from "./redis.ts";

/**
 * The tasks that Celery's suite calls, as a user of Fanfold would write them. Their names, parameters and results are
 * those of t/integration/tasks.py. Celery has its own words for some features, for example `raise self.replace(..)`, a
 * soft time limit, or the id of a request. For each, docs/from-celery.md names the replacement that is used here.
 */
const redis = redisClient(Number(process.env["REDIS_PORT"] ?? 6_379));

type Work = (ctx: TaskContext, bound: Bound) => Json | undefined | Promise<Json | undefined>;
function define(name: string, parameters: Parameters, work: Work, retry: Partial<RetryPolicy> = {}) {
  return defineTask({
    name: `t.integration.tasks.${name}`,
    retry,
    run: async (ctx, ...args: Json[]): Promise<Json> => {
      // The suite checks the stamps of each attempt.
      ctx.log.info("request", { stamps: ctx.stamps });
      return (await work(ctx, bound(ctx, parameters, args))) ?? null;
    },
  });
}
/** Binds the arguments to the parameters. A wrong call is final, as in Celery. */
function bound(ctx: TaskContext, parameters: Parameters, args: readonly Json[]): Bound {
  try {
    return bind(parameters, args, ctx.kwargs);
  } catch (error) {
    return ctx.fail(error, { retryable: false });
  }
}
const ANY: Parameters = { rest: true, others: true };

/** Returns what Python's `+` returns for the types that the suite adds. */
function plus(a: Json | undefined, b: Json | undefined): Json {
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return [...(a as readonly Json[]), ...(b as readonly Json[])];
  return numberOf(a) + numberOf(b);
}
const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : JSON.stringify(value));
const total = (values: readonly Json[]): Json => values.reduce(plus, 0);
/** An error whose message is its only argument, or the JSON list of several arguments. */
class ExpectedException extends Error {
  constructor(args: readonly Json[]) {
    super(args.length === 1 && typeof args[0] === "string" ? args[0] : JSON.stringify(args));
    this.name = "ExpectedException";
  }
}
class ValueError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ValueError";
  }
}
/** A request as the suite sees it. A client's own id of a signature is a stamp; without one the run's id is used. */
interface Request {
  readonly runId: string;
  readonly stamps?: JsonObject;
}
const idOf = ({ runId, stamps }: Request): Json => stamps?.["task_id"] ?? runId;
/** Returns the run of the step before. For the first step of a group's member, returns the run before the group. */
function parentOf(runId: string): string | null {
  const ref = parseRunId(runId);
  if (ref === undefined) return null;
  if (ref.stepIndex > 0) return runIdOf(ref.gid, ref.index, ref.stepIndex - 1);
  const owner = ownerOf(ref.gid);
  return owner === undefined ? null : parentOf(owner);
}
const echo = (message: Json | undefined, key: Json | undefined): Promise<void> =>
  redis("RPUSH", textOf(key), textOf(message));

export const identity = define("identity", { named: ["x"] }, (_ctx, { values: { x } }) => x);
export const add = define("add", { named: ["x", "y", "z"], defaults: { z: null } }, (_ctx, { values: { x, y, z } }) =>
  z === null || z === 0 ? plus(x, y) : plus(plus(x, y), z),
);
export const mul = define("mul", { named: ["x", "y"] }, (_ctx, { values: { x, y } }) => numberOf(x) * numberOf(y));
export const tsum = define("tsum", { named: ["nums"] }, (_ctx, { values: { nums } }) => total(listOf(nums)));
export const xsum = define("xsum", { named: ["nums"] }, (_ctx, { values: { nums } }) =>
  total(listOf(nums).map((each) => (Array.isArray(each) ? total(each as readonly Json[]) : each))),
);
export const writeToFileAndReturnInt = define(
  "write_to_file_and_return_int",
  { named: ["file_name", "i"] },
  (_ctx, { values }) => {
    appendFileSync(textOf(values["file_name"]), `${numberOf(values["i"])}\n`);
    return values["i"];
  },
);
export const raiseError = define("raise_error", ANY, () => {
  throw new ValueError("deliberate error");
});
export const fail = define("fail", { rest: true }, (_ctx, { rest }) => {
  throw new ExpectedException(["Task expected to fail", ...rest]);
});
export const printUnicode = define("print_unicode", ANY, (ctx) => {
  ctx.log.warn("håå®ƒ valmuefrø");
  return null;
});
export const returnException = define("return_exception", ANY, (_ctx, { rest }) => [rest[0] ?? null, true]);
export const returnPriority = define("return_priority", ANY, (ctx) => `Priority: ${ctx.priority}`);

/** Milliseconds before its deadline at which the task gives up. The timeout of the signature is Celery's soft limit. */
const GUARD_MS = 200;
export const delayedSumWithSoftGuard = define(
  "delayed_sum_with_soft_guard",
  { named: ["numbers", "pause_time"], defaults: { pause_time: 1 } },
  async (ctx, { values }) => {
    const wanted = numberOf(values["pause_time"]) * 1_000;
    const left = ctx.deadline - Date.now() - GUARD_MS;
    await pause(Math.min(wanted, left));
    return wanted > left ? 0 : total(listOf(values["numbers"]));
  },
);
export const delayedSum = define(
  "delayed_sum",
  { named: ["numbers", "pause_time"], defaults: { pause_time: 1 } },
  async (_ctx, { values }) => {
    await pause(numberOf(values["pause_time"]) * 1_000);
    return total(listOf(values["numbers"]));
  },
);

export const ids = define("ids", { named: ["i"] }, (ctx, { values: { i } }) => [
  `${ctx.jobId}.0`,
  parentOf(ctx.runId),
  i as Json,
]);
export const collectIds = define("collect_ids", { named: ["res", "i"] }, (ctx, { values: { res, i } }) => [
  res as Json,
  [`${ctx.jobId}.0`, parentOf(ctx.runId), i as Json],
]);
export const retryOnce = define(
  "retry_once",
  {
    rest: true,
    named: ["expires", "max_retries", "countdown"],
    defaults: { expires: null, max_retries: 1, countdown: 0.1 },
  },
  (ctx, { values: { countdown } }) => {
    if (ctx.attempt > 1) return ctx.attempt - 1;
    return ctx.retry({ delaySeconds: countdown === null ? 180 : numberOf(countdown) });
  },
  { maxAttempts: 2 },
);

export const redisEcho = define(
  "redis_echo",
  { named: ["message", "redis_key"], defaults: { redis_key: "redis-echo" } },
  async (_ctx, { values }) => {
    await echo(values["message"], values["redis_key"]);
    return null;
  },
);
export const redisEchoGroupId = define(
  "redis_echo_group_id",
  { named: ["_", "redis_key"], defaults: { redis_key: "redis-group-ids" } },
  async (ctx, { values }) => {
    await echo(ctx.member.group, values["redis_key"]);
    return null;
  },
);
export const redisCount = define(
  "redis_count",
  { named: ["redis_key"], defaults: { redis_key: "redis-count" } },
  async (_ctx, { values: { redis_key: key } }) => {
    await redis("INCR", textOf(key));
    return null;
  },
);
// Fanfold has one kind of error link, which is given the request, the error and its trace.
const errback = async (_ctx: TaskContext, { rest: [request] }: Bound): Promise<Json> => {
  const id = idOf(request as unknown as Request);
  await redis("INCR", textOf(id));
  return id;
};
export const errbackOldStyle = define("errback_old_style", ANY, errback);
export const errbackNewStyle = define("errback_new_style", ANY, errback);

export const chainAdd = define("chain_add", { named: ["x", "y"] }, (ctx, { values: { x, y } }) => {
  ctx.spawn(chain(add.s(x as Json, x as Json), add.s(y as Json)));
  return null;
});
export const chordAdd = define("chord_add", { named: ["x", "y"] }, (ctx, { values: { x, y } }) => {
  ctx.spawn(chord([add.s(x as Json, x as Json)], add.s(y as Json)));
  return null;
});
export const addReplaced = define("add_replaced", { named: ["x", "y"] }, (ctx, { values: { x, y } }) =>
  ctx.replace(add.s(x as Json, y as Json)),
);
export const addToAll = define("add_to_all", { named: ["nums", "val"] }, (ctx, { values: { nums, val } }) =>
  ctx.replace(group(listOf(nums).map((num) => add.s(num, val as Json)))),
);
export const addToAllToChord = define(
  "add_to_all_to_chord",
  { named: ["nums", "val"] },
  (ctx, { values: { nums, val } }) => {
    for (const num of listOf(nums)) ctx.addToChord(add.s(num, val as Json));
    return 0;
  },
);
export const addChordToChord = define(
  "add_chord_to_chord",
  { named: ["nums", "val"] },
  (ctx, { values: { nums, val } }) => {
    ctx.addToChord(group(listOf(nums).map((num) => add.s(num, val as Json))).pipe(tsum.s()));
    return 0;
  },
);
const LINKED: Parameters = { rest: true, named: ["link_msg"], defaults: { link_msg: null } };
const linkSig = (message: Json | undefined): CanvasSource =>
  message === null || message === undefined ? redisEcho.s() : redisEcho.si(message);
export const replaceWithChain = define("replace_with_chain", LINKED, (ctx, { values, rest }) =>
  ctx.replace(chain(identity.s(...rest), identity.s()).link(linkSig(values["link_msg"]))),
);
export const replaceWithChainWhichRaises = define("replace_with_chain_which_raises", LINKED, (ctx, { values, rest }) =>
  ctx.replace(chain(identity.s(...rest), raiseError.s()).linkError(linkSig(values["link_msg"]))),
);
export const replaceWithEmptyChain = define("replace_with_empty_chain", ANY, (ctx) => ctx.replace(chain()));
export const failReplaced = define("fail_replaced", { rest: true }, (ctx, { rest }) => ctx.replace(fail.si(...rest)));
export const secondOrderReplace1 = define(
  "second_order_replace1",
  { named: ["state"], defaults: { state: false } },
  async (ctx, { values: { state } }) => {
    await echo(state === true ? "Out A" : "In A", "redis-echo");
    return state === true ? null : ctx.replace(chain(secondOrderReplace2.s(), again("second_order_replace1")));
  },
);
export const secondOrderReplace2 = define(
  "second_order_replace2",
  { named: ["state"], defaults: { state: false } },
  async (ctx, { values: { state } }) => {
    await echo(state === true ? "Out B" : "In B", "redis-echo");
    return state === true ? null : ctx.replace(chain(redisEcho.s("In/Out C"), again("second_order_replace2")));
  },
);
/** Returns a call of a task by its name. A task cannot refer to itself through its type. */
const again = (name: string): CanvasSource =>
  canvasFrom({ task: `t.integration.tasks.${name}`, kwargs: { state: true }, immutable: true });
export const replacedWithMe = define("replaced_with_me", ANY, () => true);
export const replaceWithStampedTask = define(
  "replace_with_stamped_task",
  { named: ["replace_with"], defaults: { replace_with: null } },
  (ctx, { values }) => {
    const canvas = values["replace_with"] === null ? replacedWithMe.s() : canvasFrom(values["replace_with"]);
    return ctx.replace(canvas.stampWith({ onSignature: () => ({ StampOnReplace: "This is the replaced task" }) }));
  },
);
export const buildChainInsideTask = define("build_chain_inside_task", {}, (ctx) => {
  ctx.spawn(chain(add.s(1, 1), add.s(2), group([add.s(3), add.s(4)]), add.s(5)));
  return null;
});

// These canvases lack arguments, but the suite never runs them.
const nested = (name: string, canvas: { toJSON(): Json }) =>
  define(`return_nested_signature_${name}`, ANY, () => canvas.toJSON());
const loose = add.s();
export const nestedChainChain = nested("chain_chain", chain(chain(loose)));
export const nestedChainGroup = nested("chain_group", chain(group([loose])));
export const nestedChainChord = nested("chain_chord", chain(chord([loose], loose as CanvasSource as never)));
export const nestedGroupChain = nested("group_chain", group([chain(loose)]));
export const nestedGroupGroup = nested("group_group", group([group([loose])]));
export const nestedGroupChord = nested("group_chord", group([chord([loose], loose as never)]));
export const nestedChordChain = nested("chord_chain", chord([chain(loose)], loose as never));
export const nestedChordGroup = nested("chord_group", chord(group([loose]), loose as never));
export const nestedChordChord = nested("chord_chord", chord([chord([loose], loose as never)], loose as never));
/** Returns the canvas that it reads from a value. Reading checks every part of the canvas. */
export const rebuildSignature = define("rebuild_signature", { named: ["sig_dict"] }, (_ctx, { values }) => {
  const read = canvasFrom(values["sig_dict"]);
  if (JSON.stringify(canvasFrom(read.toJSON()).toJSON()) !== JSON.stringify(read.toJSON()))
    throw new TypeError("the canvas changed on its way");
  return null;
});
