import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import * as z from "zod";
import {
  definePathTask,
  DynamicSubmitter,
  expandPaths,
  FileActionStatus,
  StreamTaskResults,
} from "../../../functions/paths/index.ts";
import {
  type BulkRun,
  chord,
  currentQueue,
  defineStateMachineTask,
  defineTask,
  defineWorkflow,
  group,
  TaskError,
} from "../../../functions/sdk/index.ts";
import { sleep, sum } from "../../../functions/tasks/examples.ts";
import { DATA_BUCKET, WORK_STATE_MACHINE } from "../names.ts";

/**
 * A tasks folder as a user's deployment has one: the shipped tasks, the tasks of the canvas cases, and some that fail
 * on purpose.
 */
export * from "../../shipped-tasks.ts";
export * from "../../conformance/tasks.ts";
export * from "../../infra/fixtures/package-tasks.ts";
// Both modules export these names. Two tasks named `fail` cannot be deployed, so this folder deploys that of the cases,
// and `failed` replaces the other.
export { add as mathAdd, mul as mathMul } from "../../../functions/tasks/examples.ts";
export { add, fail, mul } from "../../conformance/tasks.ts";
export const failed = defineTask({
  name: "e2e.failed",
  run: (): never => {
    throw new TaskError("this task always fails", { reason: "e2e" });
  },
});

/** Says with how many runs each was called. A call with `poison` in it fails. */
export const together = defineTask({
  name: "e2e.together",
  bulk: { maxItems: 50, maxSeconds: 5 },
  run: (_ctx, runs: readonly BulkRun<readonly [text: string]>[]) => {
    if (runs.some(({ args: [text] }) => text === "poison")) throw new TaskError("refused", { reason: "poison" });
    return runs.map(() => ({ value: runs.length }));
  },
});
/** Returns from when until when it ran. */
export const locked = defineTask({
  name: "e2e.locked",
  run: async () => {
    const from = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 100));
    return [from, Date.now()];
  },
});

/** Fails until the given attempt, which returns its number. */
export const flaky = defineTask({
  name: "e2e.flaky",
  args: z.tuple([z.number()]),
  retry: { maxAttempts: 5, initialDelaySeconds: 1, backoffFactor: 1 },
  run: (ctx, good) => {
    if (ctx.attempt < good) throw new TaskError(`attempt ${ctx.attempt} of ${good} fails`, { reason: "flaky" });
    return ctx.attempt;
  },
});

/** Fails until there is an object of this name in the bucket of the tests. Returns the length of the object. */
export const readObject = defineTask({
  name: "e2e.read-object",
  args: z.tuple([z.string()]),
  run: async (_ctx, Key) => {
    const s3 = new S3Client({ forcePathStyle: true });
    return (await s3.send(new GetObjectCommand({ Bucket: DATA_BUCKET, Key }))).ContentLength ?? -1;
  },
});

/** A body that spawns a further level. It returns the sum of n chords of n additions. */
export const square = defineWorkflow({
  name: "e2e.square",
  description: "n chords side by side, each summing n ones.",
  parameters: z.object({ n: z.int().min(1).max(50) }),
  canvas: ({ n }) =>
    chord(
      group(Array.from({ length: n }, () => chord(group(Array.from({ length: n }, () => one.s())), sum.s()))),
      sum.s(),
    ),
});
export const one = defineTask({ name: "e2e.one", run: () => 1 });

/** Fails items whose path says so. */
export const act = definePathTask({
  name: "e2e.act",
  run: async (ctx, { jobid, paths }) => {
    const status = new FileActionStatus(ctx.task, paths, jobid, currentQueue());
    for (const { path } of paths) status.add(path.startsWith("/bad") ? "failures" : "processed", path);
    return status.dump();
  },
});
/** Streams the states of its items, page by page. */
export const streamed = definePathTask({
  name: "e2e.streamed",
  acceptsStreaming: true,
  run: async (ctx, { jobid, paths }) => {
    const status = new StreamTaskResults(ctx.task, paths, jobid, currentQueue(), ctx.runId, { flushItems: 50 });
    for await (const { path } of expandPaths(paths)) await status.add("processed", path);
    return status.dump();
  },
});
/** Gives so many items to a submitter. Those of the key `next` go to the next step. */
export const discovered = definePathTask({
  name: "e2e.discovered",
  run: async (ctx, { jobid, count, key }) => {
    const status = new FileActionStatus(ctx.task, [], jobid, currentQueue());
    const submitter = new DynamicSubmitter({ status, settings: { act: act.s() } });
    for (let k = 0; k < Number(count); k++) await submitter.add(String(key), `/found/${k}`);
    return submitter.dump();
  },
});
/** Returns the site and the queue of the function that runs it. */
export const where = defineTask({ name: "e2e.where", run: (ctx) => ({ site: ctx.site, queue: ctx.queue }) });

export const echo = defineTask({ name: "e2e.echo", run: (_ctx, text: string) => text });
export const length = defineTask({ name: "e2e.length", run: (_ctx, text: string) => text.length });
/** `numbered` is a member that returns its number; `values` is a callback that returns its argument. */
export const numbered = defineTask({ name: "e2e.numbered", args: z.tuple([z.number()]), run: (_ctx, n) => n });
export const values = defineTask({
  name: "e2e.values",
  args: z.tuple([z.array(z.number())]),
  run: (_ctx, given) => given,
});

/** Spawns so many members with a callback, and returns the ids that it was told. */
export const spawner = defineTask({
  name: "e2e.spawner",
  run: (ctx, n: number) => {
    const members = Array.from({ length: n }, (_, i) => numbered.s(i));
    const { groupId, callbackId, childIds } = ctx.spawnWithCallback(members, values.s());
    return { groupId, callbackId, lastId: childIds.at(n - 1) ?? "" };
  },
});

/** Ends in failure, so that a supervisor passes its error on. */
export const failing = defineWorkflow({
  name: "e2e.failing",
  parameters: z.object({}),
  canvas: () => chord(group([one.s(), failed.s()]), sum.s()),
});
/** Runs until it is revoked or times out. */
export const endless = defineWorkflow({ name: "e2e.endless", parameters: z.object({}), canvas: () => sleep.s(280) });

/** Runs an execution of the user's state machine, which doubles the number after the given seconds. */
export const twice = defineStateMachineTask<[n: number, seconds: number], { twice: number }>({
  name: "e2e.twice",
  stateMachine: WORK_STATE_MACHINE,
  timeout: 600,
  input: (_ctx, n, seconds) => ({ n, seconds, fail: n < 0 }),
});
export const plusOne = defineTask({ name: "e2e.plus-one", run: (_ctx, made: { twice: number }) => made.twice + 1 });
export const atSite = defineWorkflow({
  name: "e2e.at-site",
  description: "One task for a site.",
  parameters: z.strictObject({ site: z.string() }),
  canvas: () => one.s(),
});
export { submitsDiamond, visit, visited } from "./visits.ts";
