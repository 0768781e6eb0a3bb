import { describe, expect, it } from "vitest";
import { childGroupOf, depthOf, jobIdOf, ownerOf } from "../../functions/core/plan/run-id.ts";
import { chain, defineTask, type TaskContext } from "../../functions/sdk/index.ts";
import { add, Bench, chord, identity, tsum } from "./bench.ts";
import { add as addTask } from "./tasks.ts";

/** Rules about ids that are prose in canvas-cases.json. Ids are positional, so they are known before any task runs. */
const spawner = defineTask({
  name: "spawner",
  run: (ctx: TaskContext) => {
    ctx.spawn([addTask.s(1, 1), addTask.s(2, 2)]);
    return "spawned";
  },
});

describe("ids", () => {
  it("idp-001 a job that is submitted again under its key has the ids it had", async () => {
    const bench = new Bench();
    const submit = () =>
      bench.local.engine.submit({ canvas: chain(addTask.s(1, 1), addTask.s(2)).canvas, idempotencyKey: "once" });
    const [first, second] = [await submit(), await submit()];
    expect(second).toEqual({ jobId: first.jobId, created: false });
    await bench.ended(first.jobId);
    expect((await bench.runs(first.jobId)).map(({ runId }) => runId)).toEqual([
      `${first.jobId}.0`,
      `${first.jobId}.0~1`,
    ]);
    expect(await submit()).toEqual(second);
  });
  it("idp-002 the result of a chain has the id of its last step", async () => {
    const { jobId, result } = await new Bench().run({ chain: [add(1, 1), add(2)] });
    expect([result.id, result.parent?.id, result.get()]).toEqual([`${jobId}.0~1`, `${jobId}.0`, 4]);
  });
  it("idp-003 a chain's id is its last step's, a chord's its body's, and a group has its own", async () => {
    const bench = new Bench();
    const chained = await bench.run({ chain: [add(1, 1), add(2), add(3)] });
    expect(chained.result.id).toBe(`${chained.jobId}.0~2`);
    const chorded = await bench.run(chord([add(1, 1)], tsum));
    expect(chorded.result).toMatchObject({ id: `${chorded.jobId}.0~1`, task: "tsum" });
    const grouped = await bench.run({ group: [add(1, 1), add(2, 2)] });
    expect(grouped.result.members?.map(({ id }) => id)).toEqual(
      [0, 1].map((index) => `${childGroupOf(grouped.result.id)}.${index}`),
    );
  });
  it("idp-004 every run has the job's id for its root, and the run that started it for its parent", async () => {
    const bench = new Bench({}, { spawner });
    const { jobId } = await bench.run({ chain: [{ task: "spawner" }, identity] });
    const runs = await bench.runs(jobId);
    expect(runs.map(({ runId }) => jobIdOf(runId))).toEqual(runs.map(() => jobId));
    expect(runs.filter(({ task }) => task === "add").map(({ groupId }) => ownerOf(groupId))).toEqual([
      `${jobId}.0`,
      `${jobId}.0`,
    ]);
  });
  it("idp-005 header members have group and index, and what follows in a member's strand keeps both", async () => {
    const bench = new Bench();
    const groupOf = { task: "group_of", immutable: true };
    const { jobId, result } = await bench.run(
      chord([chord([add(1, 1)], groupOf), { chain: [add(1, 1), groupOf] }, groupOf], identity),
    );
    const header = `${jobId}.0.g`;
    expect(result.get()).toEqual([
      [true, 0],
      [true, 1],
      [true, 2],
    ]);
    expect(
      (await bench.runs(jobId)).filter(({ task }) => task === "group_of").map(({ groupId, index }) => [groupId, index]),
    ).toEqual([0, 1, 2].map((index) => [header, index]));
  });
  it("idp-006 options change neither stamps nor the group, but everything else", () => {
    const stamped = addTask
      .s(1, 1)
      .stamp({ team: "a" })
      .set({ stamps: { team: "b" }, priority: 3 });
    expect(stamped.canvas.options).toEqual({ stamps: { team: "a" }, priority: 3 });
    for (const name of ["group_id", "groupId", "runId"])
      expect(() => addTask.s(1, 1).set({ [name]: "g" })).toThrow(name);
  });
  it("idp-007 nobody names where to reply: a result is read by its id, wherever one is", async () => {
    const bench = new Bench();
    const { jobId } = await bench.run({ chain: [add(1, 1), add(2)] });
    const elsewhere = bench.local.over(bench.local);
    expect(await elsewhere.run(`${jobId}.0~1`)).toMatchObject({ status: "success", value: 4 });
    expect(() => addTask.s(1, 1).set({ reply_to: "queue" } as object)).toThrow("reply_to");
  });
  it("idp-008 a retry keeps id, group, links and the rest of the chain", async () => {
    const bench = new Bench();
    const retried = { task: "retry_n", args: [5, 2], link: [{ task: "log_value", kwargs: { tag: "cb" } }] };
    const { jobId, result } = await bench.run(chord([{ chain: [retried, add(1)] }, add(1, 1)], tsum));
    expect(result.get()).toBe(8);
    expect((await bench.runs(jobId)).find(({ task }) => task === "retry_n")).toMatchObject({
      runId: `${jobId}.0.g.0`,
      groupId: `${jobId}.0.g`,
      index: 0,
      attempt: 3,
    });
    expect(await bench.log(jobId)).toEqual(["attempt", "attempt", "attempt", ["cb", 5]]);
  });
  it("idp-009 a replaced run keeps its id, group and place; its replacement stands one level deeper; later steps keep their ids", async () => {
    const bench = new Bench();
    const replaced = { task: "replace_with", kwargs: { sig: { chain: [add(1, 2), { task: "mul", args: [10] }] } } };
    const { jobId, result } = await bench.run(chord([{ chain: [replaced, add(1)] }, add(1, 1)], identity));
    expect(result.get()).toEqual([31, 2]);
    const runs = await bench.runs(jobId);
    expect(runs.find(({ task }) => task === "replace_with")).toMatchObject({ runId: `${jobId}.0.g.0`, value: 30 });
    expect(runs.find(({ runId }) => runId === `${jobId}.0.g.0~1`)).toMatchObject({ task: "add", value: 31 });
    expect(depthOf(runs.find(({ task }) => task === "mul")?.groupId ?? "")).toBe(depthOf(`${jobId}.0.g`) + 1);
  });
});
