import { describe, expect, it } from "vitest";
import { chain, type CanvasBuilder, Graph } from "../../../functions/sdk/index.ts";
import { noop } from "../../../functions/tasks/examples.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

/** Builds a graph: for each node the nodes that it follows. */
function graphOf(parents: readonly (readonly number[])[]): Graph {
  const graph = new Graph();
  const nodes: { readonly id: string }[] = [];
  for (const each of parents)
    nodes.push(graph.addTask(noop, { parents: each.map((parent) => nodes[parent] as { readonly id: string }) }));
  return graph;
}
const times = <Item>(n: number, make: (k: number) => Item): Item[] => Array.from({ length: n }, (_, k) => make(k));

/** Runs a canvas, one message at a time, so that no two nodes end together. */
async function run(canvas: CanvasBuilder) {
  const local = new LocalEngine([noop]);
  const counted = countPorts(local);
  const plan = local.engine.estimate({ canvas: canvas.canvas });
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  for (;;) {
    const [message] = await local.queue.receive(local.queues, 1, 30);
    if (!message) break;
    await local.engine.handle(message, LocalEngine.loop);
    await local.queue.ack([message.id]);
  }
  return { plan, counted, job: await local.engine.job(jobId) };
}

describe("what a graph costs", () => {
  it.each([
    ["a diamond", graphOf([[], [0], [0], [1, 2]])],
    ["a diamond in a chain, whose join goes on", chain(noop.s(), graphOf([[], [0], [0], [1, 2], [3], [4]]), noop.s())],
    ["one line", graphOf(times(6, (k) => (k === 0 ? [] : [k - 1])))],
    ["nodes beside each other", graphOf(times(20, () => []))],
    ["a wide fork and join", graphOf([[], ...times(40, () => [0]), times(40, (k) => k + 1)])],
    [
      "two layers, each node of which follows all before",
      graphOf([...times(5, () => []), ...times(5, () => [0, 1, 2, 3, 4])]),
    ],
  ])("a plan counts what the engine then writes: %s", async (_name, canvas) => {
    const { plan, counted, job } = await run(canvas);
    expect(job).toMatchObject({ state: "success", counts: { success: plan.taskRuns }, countsExact: true });
    const { total: _total, ...writes } = plan.writeUnits;
    expect({ writes, messages: plan.messages.byQueue, send: plan.requests.send, blobs: plan.blobs }).toEqual(counted);
    expect(plan).toMatchObject({ notes: [], grows: false });
  });

  it("a root takes 3 units and its mark, a fork 4, a join of two 5, and a further node of a line 2", async () => {
    const rows = async (parents: readonly (readonly number[])[]) => (await run(graphOf(parents))).counted.writes.rows;
    const one = await rows([[]]);
    expect((await rows([[], []])) - one).toBe(3);
    expect((await rows([[], [0]])) - one).toBe(2);
    const fork = await rows([[], [0], [0]]);
    expect(fork - one).toBe(2 * 4);
    expect((await rows([[], [0], [0], [1, 2]])) - fork).toBe(5);
    const ledger = async (parents: readonly (readonly number[])[]) =>
      (await run(graphOf(parents))).counted.writes.ledger;
    expect(await ledger([[], [0], [0], [1, 2], [3]])).toBe(4);
  });
  it("the time of a graph is that of its longest path", () => {
    const time = (parents: readonly (readonly number[])[]) =>
      new LocalEngine([noop]).engine.estimate({ canvas: graphOf(parents).canvas }, 1_000).time;
    expect(time([[], [0], [1], [0], [2, 3]])).toMatchObject({
      seconds: 4_000,
      limitedBy: expect.stringContaining("follow each other") as string,
    });
    expect(time(times(5, () => []))).toMatchObject({ seconds: 1_000 });
  });
});
