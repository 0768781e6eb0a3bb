import { beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../../functions/core/json.ts";
import { type CanvasSource, chain, defineTask, group } from "../../../functions/sdk/index.ts";
import {
  again,
  begin,
  calls,
  digest,
  extract,
  files,
  finish,
  index,
  jobOf,
  local,
  needy,
  remover,
  settings,
  sharedOf,
  show,
  submit,
  TASKS,
  times,
  tolerant,
  use,
} from "./graph.ts";

beforeEach(begin);

describe("declared dependencies", () => {
  const shown = (dependsOn: { [name: string]: CanvasSource }) =>
    show.signature(["x"], {}, { dependsOn: dependsOn as never });

  it("S051 S052 S055 S064 give their values by name, null for none, one under several names", async () => {
    const { value } = await finish(
      shown({ a: extract.s("a"), b: extract.s("b"), none: extract.s("no"), again: extract.s("a") }),
    );
    expect(value).toEqual({ a: "A", b: "B", none: null, again: "A" });
    expect([times("extract a"), times("show x")]).toEqual([1, 1]);
    expect(calls.at(-1)).toBe("show x");
  });
  it("S053 a broken one arrives as an error with its reason", async () => {
    files["a"] = "broken";
    const { value } = await finish(shown({ a: extract.s("a") }));
    expect(value).toEqual({ a: { broken: "unreadable", message: "unreadable: cannot be read" } });
  });
  it("S054 S070 one that has failed breaks the run, and those that depend on it, before their code starts", async () => {
    files["a"] = "error";
    const job = await finish(shown({ a: extract.s("a"), b: extract.s("b") }));
    expect(job).toMatchObject({ state: "failure", error: { reason: "dependency_has_error" } });
    expect(times("show x")).toBe(0);
    expect(await sharedOf(job.jobId)).toMatchObject({ status: "broken", attempt: 0 });
    // Broken is not failed: who depends on this one is given the error, and may go on.
    const broken = show.signature(["y"], {}, { dependsOn: { a: extract.s("a") } });
    const above = await finish(show.signature(["z"], {}, { dependsOn: { show: broken } }));
    expect(above.value).toMatchObject({ show: { broken: "dependency_has_error" } });
  });
  it("S067 the last run of a diamond runs once, after both", async () => {
    const side = (name: string) => show.signature([name], {}, { dependsOn: { top: extract.s("a") } });
    const { value } = await finish(
      show.signature(["end"], {}, { dependsOn: { left: side("left"), right: side("right") } }),
    );
    expect(value).toEqual({ left: { top: "A" }, right: { top: "A" } });
    expect(calls.toSorted()).toEqual(["extract a", "show end", "show left", "show right"]);
  });
  it("hold no worker, and let a run that has none go by", async () => {
    const jobId = await submit(shown({ a: extract.s("a") }));
    await local.turn();
    await local.turn();
    const shared = await sharedOf(jobId);
    expect(shared).toMatchObject({ status: "deferred", attempt: 0, unmet: [{ of: "run" }] });
    await local.untilQuiet();
    expect((await jobOf(jobId)).value).toEqual({ a: "A" });
  });
  it("of a plain run are declared in the same way", async () => {
    const plain = show.signature(["x"], {}, { dedupe: "none", dependsOn: { a: extract.s("a") } });
    expect((await finish(plain)).value).toEqual({ a: "A" });
    expect((await finish(group([plain, plain]))).state).toBe("success");
    expect([times("extract a"), times("show x")]).toEqual([1, 3]);
  });
  it("are kept by a task, too, and the signature adds its own", async () => {
    const both = defineTask({
      name: "both",
      dependsOn: { a: extract.s("a") },
      run: (ctx) => Object.keys(ctx.deps).toSorted(),
    });
    use([...TASKS, both]);
    expect((await finish(both.s())).value).toEqual(["a"]);
    expect((await finish(both.signature([], {}, { dependsOn: { b: extract.s("b") } }))).value).toEqual(["a", "b"]);
  });
  it("S004 S013 a new edge is no other identity, and runs it again; a known one does not", async () => {
    const first = await finish(show.s("x"));
    expect(first.value).toEqual({});
    const second = await finish(shown({ a: extract.s("a") }));
    expect(second.value).toEqual({ a: "A" });
    expect((await finish(shown({ a: extract.s("a") }))).value).toEqual({ a: "A" });
    expect((await finish(show.s("x"))).value).toEqual({ a: "A" });
    expect(times("show x")).toBe(2);
    expect((await sharedOf(first.jobId))?.runId).toBe((await sharedOf(second.jobId))?.runId);
  });
  it("S016 S065 one name is one edge: another run by it replaces the first", async () => {
    const first = await finish(shown({ x: extract.s("a"), y: extract.s("b") }));
    expect((await finish(shown({ x: extract.s("b") }))).value).toEqual({ x: "B", y: "B" });
    const dependencies = (await sharedOf(first.jobId))?.dependencies ?? [];
    expect(dependencies.map(({ name }) => name)).toEqual(["x", "y"]);
    expect(new Set(dependencies.map(({ runId }) => runId)).size).toBe(1);
  });
  it("S061 S062 a removed one lets the run start again without it, and removing another one does nothing", async () => {
    const { value } = await finish(remover.signature([], {}, { dependsOn: { a: extract.s("a"), b: extract.s("b") } }));
    expect(value).toEqual(["a"]);
    expect(calls.slice(-2)).toEqual(["remover a,b", "remover a"]);
  });
  it("are refused when they are no single shared run", () => {
    const refused = (signature: unknown) => () => show.signature(["x"], {}, { dependsOn: { a: signature as never } });
    for (const [signature, field] of [
      [extract.signature(["a"], {}, { dedupe: "none" }), "/options/dependsOn/a/options/dedupe"],
      [extract.signature(["a"], {}, { countdown: 3 }), "/options/dependsOn/a/options/countdown"],
      [group([extract.s("a")]), "/options/dependsOn/a"],
      [7, "/options/dependsOn/a"],
    ] as const)
      expect(refused(signature)).toThrow(expect.objectContaining({ code: "invalid_canvas", details: { field } }));
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, k) => [`d${k}`, extract.s("a")]));
    expect(() => show.signature(["x"], {}, { dependsOn: many })).toThrow(
      expect.objectContaining({ code: "too_many_dependencies" }),
    );
  });
});

describe("required dependencies", () => {
  it("S057 S056 an absent one is begun and awaited, and a present one is given at once", async () => {
    const job = await finish(digest.s("a"));
    expect(job.value).toBe("digest of A");
    expect(calls).toEqual(["digest a", "extract a", "digest a"]);
    expect((await finish(index.s("a"))).value).toBe("index of digest of A");
    expect(calls.slice(3)).toEqual(["index a"]);
    expect(await sharedOf(job.jobId)).toMatchObject({ status: "success", attempt: 2 });
  });
  it("a plain run of a job may ask for them as well", async () => {
    expect((await finish(needy.s("a"))).value).toBe("A");
    expect((await finish(chain(group([needy.s("a"), needy.s("b")]), show.si("x")))).state).toBe("success");
    expect(calls.filter((call) => call.startsWith("extract")).toSorted()).toEqual(["extract a", "extract b"]);
    expect(calls.slice(0, 3)).toEqual(["needy 1", "extract a", "needy 2"]);
  });
  it.each(["lazy", "full", "result", "ledger"] as const)(
    "members with tracking %s may ask for them",
    async (tracking) => {
      const job = await finish(
        group(
          ["a", "b", "a"].map((file) => needy.s(file)),
          { tracking },
        ),
      );
      expect(job).toMatchObject({ state: "success", counts: { success: 3 } });
      const values: Json[] = [];
      for await (const { value } of local.engine.results(job.jobId)) values.push(value ?? null);
      expect(values).toEqual(["A", "B", "A"]);
    },
  );
  it("S058 S059 a broken one is thrown and may be caught, or is returned; uncaught it breaks the run", async () => {
    files["a"] = "broken";
    expect((await finish(tolerant.s("a", "catch"))).value).toBe("caught unreadable");
    expect((await finish(tolerant.s("a", "return"))).value).toBe("unreadable");
    const uncaught = await finish(needy.s("a"));
    expect(uncaught).toMatchObject({ state: "failure", error: { reason: "unreadable" } });
    expect((await local.engine.runs(uncaught.jobId, {})).items[0]).toMatchObject({ status: "broken" });
    // What is broken by its own code is not tried again by everybody who depends on it.
    expect(times("extract a")).toBe(1);
  });
  it("S054 one that fails breaks the run that waits for it, whose code is not called again", async () => {
    files["a"] = "error";
    const job = await finish(digest.s("a"));
    expect(job).toMatchObject({ state: "failure", error: { reason: "dependency_has_error" } });
    expect(calls).toEqual(["digest a", "extract a"]);
  });
  it("a failed one is tried again by the next who asks for it", async () => {
    files["a"] = "error";
    await finish(needy.s("a"));
    files["a"] = "A";
    expect((await finish(needy.s("a"))).value).toBe("A");
  });
  it("S060 another run under the same name swaps the edge, and its value is used", async () => {
    const first = await finish(digest.s("a"));
    settings.asksFor = () => ["b"];
    files["a"] = "A2";
    await finish(again("a"));
    expect((await sharedOf(first.jobId))?.value).toBe("digest of B");
    const dependencies = (await sharedOf(first.jobId))?.dependencies ?? [];
    expect(dependencies).toMatchObject([{ name: "text", status: "success" }]);
    // The old edge is gone: what becomes of that run concerns it no more.
    const before = times("digest a");
    files["a"] = "A3";
    await finish(again("a"));
    expect(times("digest a")).toBe(before);
  });
  it("S063 two attempts that ask for one run make one edge", async () => {
    const job = await finish(digest.s("a"));
    files["a"] = "A2";
    await finish(again("a"));
    const shared = await sharedOf(job.jobId);
    expect(shared?.dependencies).toHaveLength(1);
    const dependency = await local.engine.run(shared?.dependencies?.[0]?.runId ?? "");
    expect(dependency?.dependents).toEqual([shared?.runId]);
  });
  it("are no more than a row can hold", async () => {
    const greedy = defineTask({
      name: "greedy",
      run: async (ctx) => {
        for (let k = 0; k < 51; k++) await ctx.requireDependency(`d${k}`, extract.s("a"));
      },
    });
    use([...TASKS, greedy]);
    expect(await finish(greedy.s())).toMatchObject({ state: "failure", error: { reason: "too_many_dependencies" } });
  });
});
