import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { BlobRef } from "../../../functions/core/blob-ref.ts";
import { DEFAULT_CONFIG } from "../../../functions/engine/config.ts";
import { PortError } from "../../../functions/engine/ports.ts";
import {
  type AnyTask,
  approval,
  type CanvasBuilder,
  chain,
  chord,
  defineTask,
  FanfoldError,
  group,
  type TaskContext,
} from "../../../functions/sdk/index.ts";
import { LocalEngine, type LocalOptions } from "../local-engine.ts";

const text = async (ctx: TaskContext, ref: BlobRef | string): Promise<string> =>
  new Response(await ctx.blobs.open(ref)).text();
const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");
const refTo = (content: string): BlobRef => ({ $blob: sha256(content), bytes: content.length, type: "text/plain" });
async function* bytesOf(content: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from(content);
}
let calls = 0;
const reader = defineTask({
  name: "read",
  run: async (ctx, ref: BlobRef, ...more: unknown[]) => {
    calls++;
    return [await text(ctx, ref), ...more];
  },
});
const task = (run: (ctx: TaskContext, ...args: never[]) => unknown) => defineTask({ name: "task", run });

function start(tasks: readonly AnyTask[], options: LocalOptions = {}): LocalEngine {
  calls = 0;
  return new LocalEngine([reader, ...tasks], {}, options);
}
async function ran(local: LocalEngine, canvas: CanvasBuilder) {
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await local.untilQuiet();
  return (await local.engine.job(jobId))!;
}
const seconds = (local: LocalEngine): number => Math.ceil(local.clock.now() / 1_000);

describe("blobs of tasks", () => {
  it("S079 S033 a task stores JSON of any size as it makes it, and its result is the reference", async () => {
    const rows = task(async ({ blobs }) =>
      blobs.put(
        (async function* () {
          yield "[";
          for (let n = 0; n < 50_000; n++) yield `${n === 0 ? "" : ","}${JSON.stringify({ n })}`;
          yield "]";
        })(),
        { type: "application/json" },
      ),
    );
    const sum = defineTask({
      name: "sum",
      run: async (ctx, ref: BlobRef) =>
        ((await new Response(await ctx.blobs.open(ref)).json()) as { n: number }[]).reduce((sum, { n }) => sum + n, 0),
    });
    const local = start([rows, sum]);
    expect(await ran(local, rows.s())).toMatchObject({
      value: { $blob: expect.stringMatching(/^[0-9a-f]{64}$/) as string, bytes: 588_891, type: "application/json" },
    });
    expect(await ran(local, chain(rows.s(), sum.s()))).toMatchObject({ value: 1_249_975_000 });
  });

  it("S002 a blob as an argument is a reference, further arguments pass through, and the task opens it", async () => {
    const local = start([]);
    const ref = await local.engine.putBlob(bytesOf("hello"), { type: "text/plain" });
    expect(ref).toEqual(refTo("hello"));
    const job = await ran(local, reader.s(ref, 1, "two"));
    expect(job).toMatchObject({ state: "success", value: ["hello", 1, "two"] });
  });

  it("S036 a run that is given a missing blob is broken before its code runs, in any tracking and place", async () => {
    const missing = refTo("never put");
    const keyed = defineTask({ name: "keyed", run: () => calls++ });
    const same = task((_ctx, value: unknown) => value);
    const canvases = [
      ...(["full", "lazy", "result", "ledger"] as const).map((tracking) => group([reader.s(missing)], { tracking })),
      chord([reader.s(missing)], same.s() as never),
      chain(same.s(missing as never), reader.s()),
      keyed.s().clone([], { from: { deep: [missing] } } as never),
    ];
    for (const canvas of canvases) {
      const local = start([keyed, same]);
      const job = await ran(local, canvas);
      expect(job).toMatchObject({ state: "failure", counts: { broken: 1 }, error: { reason: "missing_arg" } });
      expect(job.error?.message).toContain(missing.$blob);
      expect(calls).toBe(0);
    }
  });

  it("what looks like a reference and names no SHA-256 is missing, too", async () => {
    const local = start([]);
    const job = await ran(local, reader.s({ $blob: "5", bytes: 1, type: "text/plain" }));
    expect(job).toMatchObject({ error: { reason: "missing_arg" } });
    expect(calls).toBe(0);
  });

  it("a job whose blob was missing succeeds when the blob is put and the job retried", async () => {
    const local = start([]);
    const job = await ran(local, reader.s(refTo("late")));
    await local.engine.putBlob(bytesOf("late"));
    await local.engine.retry(job.jobId, {});
    await local.untilQuiet();
    expect(await local.engine.job(job.jobId)).toMatchObject({ state: "success", value: ["late"] });
  });

  it("a blob that is missing when it is opened throws `blob_not_found`, which a task may catch", async () => {
    const opens = task(async ({ blobs }, caught: boolean) => {
      try {
        await blobs.open(sha256("nowhere"));
      } catch (error) {
        if (!caught) throw error;
        return (error as FanfoldError).code;
      }
      return "opened";
    });
    const local = start([opens]);
    expect(await ran(local, opens.s(true as never))).toMatchObject({ value: "blob_not_found" });
    expect(await ran(local, opens.s(false as never))).toMatchObject({
      state: "failure",
      error: { reason: "blob_not_found" },
    });
  });

  it("content is text, bytes or a stream of them, and anything else is refused by name", async () => {
    const puts = task(async ({ blobs }) => {
      const refs = [
        await blobs.put("déjà"),
        await blobs.put(new TextEncoder().encode("déjà")),
        await blobs.put(new Response("déjà").body as ReadableStream<Uint8Array>),
      ];
      const refused = await Promise.all(
        [
          5,
          null,
          { a: 1 },
          (async function* () {
            yield 5;
          })(),
        ].map((wrong) => blobs.put(wrong as never).catch((error: unknown) => (error as FanfoldError).code)),
      );
      return { refs: new Set(refs.map(({ $blob }) => $blob)).size, refused };
    });
    const local = start([puts]);
    expect(await ran(local, puts.s())).toMatchObject({
      value: { refs: 1, refused: Array.from({ length: 4 }, () => "invalid_request") },
    });
  });

  it("a stream that throws fails the run with its own error, and nothing is stored", async () => {
    const puts = task(({ blobs }) =>
      blobs.put(
        (async function* () {
          yield "half";
          throw new RangeError("the source broke");
        })(),
      ),
    );
    const local = start([puts]);
    expect(await ran(local, puts.s())).toMatchObject({ error: { name: "RangeError", message: "the source broke" } });
    await expect(local.engine.openBlob(sha256("half"))).rejects.toMatchObject({ code: "blob_not_found" });
  });

  it("a full disk is told as `disk_full`, which is retryable", async () => {
    const problem = new FanfoldError("disk_full", "the disk of /data is full: free some room", {
      details: { folder: "/data" },
    });
    const local = start(
      [task(({ blobs }) => blobs.put("x").catch((error: FanfoldError) => [error.code, error.retryable]))],
      {
        around: (ports) => ({
          ...ports,
          blobs: {
            put: (...given) => ports.blobs.put(...given),
            get: (name) => ports.blobs.get(name),
            keep: (...given) => ports.blobs.keep(...given),
            open: (name) => ports.blobs.open(name),
            store: () => Promise.reject(new PortError("unwritable", problem.message, { cause: problem })),
          },
        }),
      },
    );
    expect(await ran(local, task(() => undefined).s())).toMatchObject({ value: ["disk_full", true] });
  });
});

describe("how long blobs are kept", () => {
  const { retentionSeconds } = DEFAULT_CONFIG;
  const DAY = 86_400;

  it("a blob that nothing uses is kept for the retention, and a job that has its reference keeps it longer", async () => {
    const local = start([]);
    const { $blob } = await local.engine.putBlob(bytesOf("used"));
    expect(local.blobs.keptUntil($blob)).toBe(seconds(local) + retentionSeconds);
    const eta = local.clock.now() + 20 * DAY * 1_000;
    const { jobId } = await local.engine.submit({
      canvas: reader.s({ $blob, bytes: 4, type: "text/plain" }).set({ eta }).canvas,
    });
    const until = seconds(local) + DEFAULT_CONFIG.defaultJobTimeoutSeconds + retentionSeconds;
    expect(local.blobs.keptUntil($blob)).toBe(until);
    local.clock.set(local.clock.now() + 20 * DAY * 1_000);
    local.blobs.expire(seconds(local));
    await local.engine.sweep();
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: ["used"] });
    local.blobs.expire(until);
    expect(local.blobs.keptUntil($blob)).toBeUndefined();
  });

  it("what an attempt puts, opens, spawns or is called with is kept as long as its job", async () => {
    const local = start([
      task(async (ctx, given: BlobRef) => {
        const put = await ctx.blobs.put("put here");
        await ctx.blobs.open(sha256("opened"));
        ctx.spawn(reader.s({ $blob: sha256("spawned"), bytes: 7, type: "text/plain" }));
        return [given, put];
      }),
    ]);
    const contents = ["given", "put here", "opened", "spawned"];
    for (const content of contents.filter((each) => each !== "put here")) await local.engine.putBlob(bytesOf(content));
    const until = seconds(local) + DEFAULT_CONFIG.defaultJobTimeoutSeconds + retentionSeconds;
    await ran(local, task(() => undefined).s(refTo("given") as never));
    for (const content of contents) expect([content, local.blobs.keptUntil(sha256(content))]).toEqual([content, until]);
  });

  it("references in events, answers and input pages keep their blobs before anything else is written", async () => {
    const waits = task(async (ctx) => text(ctx, await ctx.waitForEvent<BlobRef>("file")));
    const local = start([waits]);
    for (const content of ["event", "answer", "page"]) await local.engine.putBlob(bytesOf(content));
    const until = seconds(local) + DEFAULT_CONFIG.defaultJobTimeoutSeconds + retentionSeconds;
    const { jobId } = await local.engine.submit({ canvas: waits.s().canvas });
    await local.engine.sendEvent(jobId, "file", refTo("event") as never);
    const asked = await local.engine.submit({ canvas: chain(approval("ok"), reader.s() as never).canvas });
    await local.untilQuiet(5);
    const { wait } = (await local.engine.run(`${asked.jobId}.0`))!;
    await local.engine.complete(`${asked.jobId}.0`, wait!.token!, { value: refTo("answer") as never });
    const input = await local.engine.openJob({});
    await local.engine.putInputPage(input.jobId, 0, [reader.s(refTo("page")).canvas]);
    await local.engine.sealInput(input.jobId, 1);
    await local.untilQuiet();
    for (const content of ["event", "answer", "page"])
      expect([content, local.blobs.keptUntil(sha256(content))]).toEqual([content, until]);
    expect(await local.engine.job(jobId)).toMatchObject({ value: "event" });
    expect(await local.engine.job(asked.jobId)).toMatchObject({ value: ["answer"] });
  });
});
