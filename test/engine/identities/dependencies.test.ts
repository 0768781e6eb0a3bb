import { beforeEach, describe, expect, it } from "vitest";
import type { RunView } from "../../../functions/engine/contract.ts";
import type { Json } from "../../../functions/core/json.ts";
import { type CanvasSource, chain, defineTask, group, TaskBroken } from "../../../functions/sdk/index.ts";
import type { EngineConfig } from "../../../functions/engine/config.ts";
import type { AnyTask } from "../../../functions/sdk/any-task.ts";
import { canvasOf } from "../../../functions/sdk/canvas-builder.ts";
import { LocalEngine } from "../local-engine.ts";

const calls: string[] = [];
/** What the files contain. `broken` and `error` say how their extraction ends. */
let files: { [name: string]: string } = {};
let asksFor: (file: string) => readonly string[] = (file) => [file];
let whileExtracting: ((file: string) => Promise<void>) | undefined;

const extract = defineTask({
  name: "extract",
  dedupe: "forever",
  run: async (_ctx, file: string): Promise<string | null> => {
    calls.push(`extract ${file}`);
    await whileExtracting?.(file);
    const content = files[file];
    if (content === "broken") throw new TaskBroken("cannot be read", "unreadable");
    if (content === "error") throw new Error("disk failed");
    return content ?? null;
  },
});
/** Declares nothing: it asks for what it needs. */
const digest = defineTask({
  name: "digest",
  dedupe: "forever",
  run: async (ctx, file: string) => {
    calls.push(`digest ${file}`);
    const texts = await Promise.all(asksFor(file).map((each) => ctx.requireDependency("text", extract.s(each))));
    return `digest of ${texts.join()}`;
  },
});
const index = defineTask({
  name: "index",
  dedupe: "forever",
  run: async (ctx, file: string) => {
    calls.push(`index ${file}`);
    return `index of ${String(await ctx.requireDependency("digest", digest.s(file)))}`;
  },
});
const show = defineTask({
  name: "show",
  dedupe: "forever",
  run: (ctx, label: string) => {
    calls.push(`show ${label}`);
    return Object.fromEntries(
      Object.entries(ctx.deps).map(([name, value]): [string, Json] => [
        name,
        value instanceof TaskBroken ? { broken: value.reason ?? null, message: value.message } : value,
      ]),
    );
  },
});
const tolerant = defineTask({
  name: "tolerant",
  dedupe: "forever",
  run: async (ctx, file: string, how: "catch" | "return") => {
    if (how === "return") {
      const found = await ctx.requireDependency("text", extract.s(file), { returnError: true });
      return found instanceof TaskBroken ? (found.reason ?? "?") : found;
    }
    try {
      return await ctx.requireDependency("text", extract.s(file));
    } catch (error) {
      if (!(error instanceof TaskBroken)) throw error;
      return `caught ${error.reason}`;
    }
  },
});
const needy = defineTask({
  name: "needy",
  run: async (ctx, file: string) => {
    calls.push(`needy ${ctx.attempt}`);
    return ctx.requireDependency("text", extract.s(file));
  },
});
const remover = defineTask({
  name: "remover",
  dedupe: "forever",
  run: (ctx) => {
    calls.push(`remover ${Object.keys(ctx.deps).join()}`);
    ctx.removeDependency("never");
    ctx.removeDependency("b");
    return Object.keys(ctx.deps);
  },
});
const TASKS = [extract, digest, index, show, tolerant, needy, remover];

/** Ids of all identities that were sent. */
const identities = new Set<string>();
function engineOf(tasks: readonly AnyTask[], config: Partial<EngineConfig> = {}): LocalEngine {
  identities.clear();
  const made = new LocalEngine(tasks, config);
  const send = made.queue.send.bind(made.queue);
  made.queue.send = (messages) => {
    for (const { body } of messages) {
      const { gid = "" } = body as { readonly gid?: string };
      if (/^~\w+$/.test(gid)) identities.add(gid);
    }
    return send(messages);
  };
  return made;
}
const allShared = () => Promise.all([...identities].map((gid) => local.engine.run(`${gid}.0`)));

let local: LocalEngine;
beforeEach(() => {
  calls.length = 0;
  files = { a: "A", b: "B" };
  asksFor = (file) => [file];
  whileExtracting = undefined;
  local = engineOf(TASKS);
});
async function submit(canvas: CanvasSource): Promise<string> {
  return (await local.engine.submit({ canvas: canvasOf(canvas) })).jobId;
}
async function jobOf(jobId: string) {
  return (await local.engine.job(jobId)) as NonNullable<Awaited<ReturnType<LocalEngine["engine"]["job"]>>>;
}
async function finish(canvas: CanvasSource) {
  const jobId = await submit(canvas);
  await local.untilQuiet();
  return jobOf(jobId);
}
async function sharedOf(jobId: string): Promise<RunView | undefined> {
  const [run] = (await local.engine.runs(jobId, {})).items;
  return local.engine.run(run?.adopts?.runId ?? "");
}
/** Runs an extraction again, as somebody does who takes no end that is there. */
const again = (file: string) => {
  later();
  return extract.signature([file], {}, { dedupe: 0.001 });
};
const later = (): void => void local.clock.set(local.clock.now() + 1_000);
const times = (what: string): number => calls.filter((call) => call === what).length;

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
    local = engineOf([...TASKS, both]);
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
    asksFor = () => ["b"];
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
    local = engineOf([...TASKS, greedy]);
    expect(await finish(greedy.s())).toMatchObject({ state: "failure", error: { reason: "too_many_dependencies" } });
  });
});

describe("a dependency that ends otherwise", () => {
  it("S068 S069 S072 wakes its dependents only when its outcome has changed, and they theirs", async () => {
    const job = await finish(index.s("a"));
    await finish(again("a"));
    expect([times("extract a"), times("digest a"), times("index a")]).toEqual([2, 2, 2]);
    files["a"] = "A2";
    await finish(again("a"));
    expect((await sharedOf(job.jobId))?.value).toBe("index of digest of A2");
    // The second attempt is not deferred: everything is there.
    expect([times("extract a"), times("digest a"), times("index a")]).toEqual([3, 3, 3]);
    files["a"] = "broken";
    await finish(again("a"));
    expect(await sharedOf(job.jobId)).toMatchObject({ status: "broken", error: { reason: "unreadable" } });
    const before = calls.length;
    await finish(again("a"));
    expect(calls.slice(before)).toEqual(["extract a"]);
  });
  it("S071 heals what it had broken", async () => {
    files["a"] = "error";
    const job = await finish(show.signature(["x"], {}, { dependsOn: { a: extract.s("a") } }));
    files["a"] = "A";
    await finish(extract.s("a"));
    expect(await sharedOf(job.jobId)).toMatchObject({ status: "success", value: { a: "A" } });
  });
  it("S078 leaves nothing of the value before, when a run ends without one", async () => {
    const job = await finish(extract.s("a"));
    files = {};
    later();
    const second = await finish(again("a"));
    expect(second.value ?? null).toBeNull();
    files["a"] = "broken";
    await finish(again("a"));
    expect(await sharedOf(job.jobId)).not.toHaveProperty("value");
  });
  it("compares large values by their content", async () => {
    files["a"] = "x".repeat(20_000);
    await finish(digest.s("a"));
    await finish(again("a"));
    expect(times("digest a")).toBe(2);
    files["a"] = "y".repeat(20_000);
    await finish(again("a"));
    expect(times("digest a")).toBe(3);
  });
  it("wakes page by page", async () => {
    local = engineOf(TASKS, { subscribersPerMessage: 2 });
    const sides = ["1", "2", "3", "4", "5"].map((k) => show.signature([k], {}, { dependsOn: { a: extract.s("a") } }));
    expect(await finish(group(sides))).toMatchObject({ state: "success" });
    files["a"] = "A2";
    await finish(again("a"));
    expect(calls.filter((call) => call.startsWith("show"))).toHaveLength(10);
  });
  it("while its dependent runs, is seen by the dependent when that ends", async () => {
    await finish(extract.s("a"));
    let changed = false;
    const slow = defineTask({
      name: "slow",
      dedupe: "forever",
      run: async (ctx) => {
        const text = await ctx.requireDependency("text", extract.s("a"));
        if (!changed) {
          changed = true;
          files["a"] = "A2";
          await local.engine.submit({ canvas: again("a").canvas });
          for (let turn = 0; turn < 6; turn++) await local.turn();
        }
        return text;
      },
    });
    local = engineOf([...TASKS, slow]);
    await finish(extract.s("a"));
    const job = await finish(slow.s());
    expect((await sharedOf(job.jobId))?.value).toBe("A2");
  });
});

describe("cycles", () => {
  const ring = (length: number) => {
    const tasks = Array.from({ length }, (_, k) =>
      defineTask({
        name: `t${k}`,
        dedupe: "forever",
        run: async (ctx): Promise<Json> => {
          calls.push(`t${k}`);
          const next = tasks[(k + 1) % length] as (typeof tasks)[number];
          const found = await ctx.requireDependency("next", next.s(), { returnError: true });
          return found instanceof TaskBroken ? `told ${found.reason}` : found;
        },
      }),
    );
    return tasks;
  };
  it.each([1, 2, 3, 7])("S066 of %i runs are refused at the edge that closes them, with the path", async (length) => {
    const tasks = ring(length);
    local = engineOf([...TASKS, ...tasks]);
    const job = await finish((tasks[0] as (typeof tasks)[number]).s());
    const last = `t${length - 1}`;
    if (length === 1) {
      expect(job).toMatchObject({ state: "failure", error: { reason: "dependency_cycle" } });
      expect(job.error?.message).toMatch(/^these runs wait for each other: t0 \(~\w+\) -> t0 \(~\w+\)$/);
      return;
    }
    expect(job).toMatchObject({ state: "success", value: "told dependency_cycle" });
    const broken = (await allShared()).filter((run) => run?.status === "broken");
    expect(broken.map((run) => run?.task)).toEqual([last]);
    expect(broken[0]?.error?.message.match(/t\d/g)).toEqual([last, ...tasks.map(({ name }) => name)]);
  });
  it("S066 of declared dependencies are refused", async () => {
    const tasks: ReturnType<typeof defineTask>[] = ["p", "q"].map((name) =>
      defineTask({
        name,
        dedupe: "forever",
        dependsOn: { other: { task: name === "p" ? "q" : "p" } },
        run: (ctx) => (ctx.deps["other"] instanceof TaskBroken ? `told ${ctx.deps["other"].reason}` : "?"),
      }),
    ) as never;
    local = engineOf([...TASKS, ...tasks]);
    const job = await finish({ kind: "task", task: "p", args: [], kwargs: {}, options: {}, immutable: false } as never);
    expect(job).toMatchObject({ state: "success", value: "told dependency_cycle" });
  });
  it("S066 through a group that an identity has spawned are refused", async () => {
    const spawner = defineTask({
      name: "spawner",
      dedupe: "forever",
      run: (ctx) => {
        ctx.spawn([extract.s("a"), user.s()], { policy: "settled" });
        return "spawned";
      },
    });
    const user: { s(): CanvasSource } = defineTask({
      name: "user",
      dedupe: "forever",
      run: async (ctx): Promise<Json> => {
        const found = await ctx.requireDependency("spawner", spawner.s() as never, { returnError: true });
        return (found as unknown) instanceof TaskBroken ? "told" : (found as Json);
      },
    });
    local = engineOf([...TASKS, spawner as never, user as never]);
    const job = await finish(spawner.s());
    expect(job.state).toBe("success");
    const [run] = (await local.engine.runs(job.jobId, {})).items;
    const member = await local.engine.run(`${run?.adopts?.runId}.g.1`);
    expect(member).toMatchObject({ status: "broken", error: { reason: "dependency_cycle" } });
  });
  it("of ends that consume each other stop at the run that would change itself", async () => {
    let knows = false;
    const left = defineTask({
      name: "left",
      dedupe: "forever",
      run: async (ctx): Promise<number> => {
        calls.push("left");
        return knows ? Number(await ctx.requireDependency("right", right.s() as never)) + 1 : 0;
      },
    });
    const right: { s(): CanvasSource } = defineTask({
      name: "right",
      dedupe: "forever",
      run: async (ctx): Promise<number> => {
        calls.push("right");
        return Number(await ctx.requireDependency("left", left.s() as never)) + 1;
      },
    });
    local = engineOf([left as never, right as never]);
    await finish(right.s());
    knows = true;
    later();
    await finish(left.signature([], {}, { dedupe: 0.001 }) as CanvasSource);
    expect(calls.length).toBeLessThan(12);
    expect((await allShared()).map((run) => run?.error?.reason)).toContain("dependency_cycle");
  });
});

describe("what a defect of the ancestor would show", () => {
  it("S017 nothing that a failing attempt has asked for or spawned counts", async () => {
    const failing = defineTask({
      name: "failing",
      run: (ctx) => {
        ctx.spawn([needy.s("a")]);
        throw new Error("after the spawn");
      },
    });
    local = engineOf([...TASKS, failing]);
    expect(await finish(failing.s())).toMatchObject({ state: "failure" });
    expect(calls).toEqual([]);
  });
  it("S018 S073 S076 a message that overtakes a commit, a second parent and a second delivery run nothing twice", async () => {
    let sentAgain = false;
    whileExtracting = async () => {
      if (sentAgain) return;
      sentAgain = true;
      // The dependents' messages come before the end of what they wait for.
      for (const gid of [...identities]) {
        const body = { v: 1, kind: "members", gid, step: 0, members: [0] };
        await local.queue.send([{ queue: "local.default#worker", jobId: "x", body }]);
      }
    };
    const parents = ["1", "2"].map((k) => show.signature([k], {}, { dependsOn: { a: extract.s("a") } }));
    const job = await finish(group(parents));
    expect(job).toMatchObject({ state: "success" });
    expect(calls.toSorted()).toEqual(["extract a", "show 1", "show 2"]);
  });
  it("the cancel of one job at any moment changes nothing for another that shares a graph", async () => {
    for (let moment = 0; moment < 30; moment++) {
      calls.length = 0;
      local = engineOf(TASKS);
      const first = await submit(index.s("a"));
      if (moment % 2 === 0) await local.turn();
      const second = await submit(index.s("a"));
      for (let turn = 0; turn < moment / 2; turn++) await local.turn();
      await local.engine.cancel(first);
      await local.untilQuiet();
      expect((await jobOf(second)).value).toBe("index of digest of A");
      expect(times("extract a")).toBe(1);
    }
  });
});
