import { beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../../functions/core/json.ts";
import { type CanvasSource, defineTask, TaskBroken } from "../../../functions/sdk/index.ts";
import { allShared, begin, calls, extract, finish, later, local, TASKS, use } from "./graph.ts";

beforeEach(begin);

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
  it("S066 of one run are refused, too", async () => {
    const [task] = ring(1);
    use([task as NonNullable<typeof task>]);
    const job = await finish((task as NonNullable<typeof task>).s());
    expect(job).toMatchObject({ state: "failure", error: { reason: "dependency_cycle" } });
    expect(job.error?.message).toMatch(/^these runs wait for each other: t0 \(~\w+\) -> t0 \(~\w+\)$/);
  });
  it.each([2, 3, 7])("S066 of %i runs are refused at the edge that closes them, with the path", async (length) => {
    const tasks = ring(length);
    use([...TASKS, ...tasks]);
    const job = await finish((tasks[0] as (typeof tasks)[number]).s());
    const last = `t${length - 1}`;
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
    use([...TASKS, ...tasks]);
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
    use([...TASKS, spawner as never, user as never]);
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
    use([left as never, right as never]);
    await finish(right.s());
    knows = true;
    later();
    await finish(left.signature([], {}, { dedupe: 0.001 }) as CanvasSource);
    expect(calls.length).toBeLessThan(12);
    expect((await allShared()).map((run) => run?.error?.reason)).toContain("dependency_cycle");
  });
});
