import { describe, expect, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { type BulkRun, defineTask, group, type TaskSignature } from "../../functions/sdk/index.ts";

const index = defineTask({
  name: "index",
  bulk: {},
  run: async (ctx, runs: readonly BulkRun<[id: string, boost: number]>[]) => {
    expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
    return runs.map(({ args: [id] }) => ({ value: id }));
  },
});
const typed = defineTask({
  name: "typed",
  bulk: { maxItems: 10 },
  kwargs: z.object({ deep: z.boolean().default(false) }),
  args: z.tuple([z.string()]),
  run: (_ctx, runs) => {
    expectTypeOf(runs[0]!.args).toEqualTypeOf<[string]>();
    expectTypeOf(runs[0]!.kwargs).toEqualTypeOf<{ deep: boolean }>();
    return runs.map(({ args: [text], kwargs: { deep } }) => (deep ? { value: text } : { error: "shallow" }));
  },
});

describe("a bulk task", () => {
  it("has signatures of its arguments, and takes the defaults of the ancestor", () => {
    expectTypeOf(index.s("a", 1)).toEqualTypeOf<TaskSignature<[], string, false>>();
    expect(index.info.bulk).toEqual({ maxItems: 300, maxBytes: 31_457_280, maxSeconds: 63 });
    expect(group([index.s("a", 1)]).canvas).toMatchObject({ members: [{ task: "index", args: ["a", 1] }] });
  });
  it("checks the arguments of each run", async () => {
    expect(await typed.signature(["x"], { deep: true })()).toBe("x");
    await expect(typed.inline("x")).rejects.toThrow("shallow");
    await expect(typed.inline(1 as never)).rejects.toThrow("wrong arguments");
  });
  const run = (): [] => [];
  it.each([
    [{ bulk: { maxItems: 0 } }, "/bulk/maxItems"],
    [{ bulk: { maxItems: 1_001 } }, "/bulk/maxItems"],
    [{ bulk: { maxBytes: 0.5 } }, "/bulk/maxBytes"],
    [{ bulk: { maxSeconds: 901 } }, "/bulk/maxSeconds"],
    [{ bulk: { size: 3 } }, "/bulk/size"],
    [{ bulk: 300 }, "/bulk"],
    [{ bulk: {}, streamsResults: true }, "/streamsResults"],
    [{ bulk: {}, tracking: "ledger" }, "/tracking"],
    [{ bulk: {}, beforePass: 1 }, "/beforePass"],
    [{ bulk: {}, run: async function* () {} }, "/run"],
  ])("refuses %j, and names the field", (more, field) => {
    const define = (): unknown => defineTask({ name: "bad", run, ...more } as never);
    expect(define).toThrow(expect.objectContaining({ code: "invalid_request", details: { field } }));
  });
  it("cannot be mapped, because it takes many runs already", () => {
    expect(() => index.map(["a"])).toThrow(expect.objectContaining({ code: "invalid_canvas" }));
    expect(() => index.chunks([["a", 1]], 2)).toThrow(expect.objectContaining({ code: "invalid_canvas" }));
  });
});
