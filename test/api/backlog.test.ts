import { expect, it } from "vitest";
import { group } from "../../functions/sdk/index.ts";
import { add } from "../../functions/tasks/examples.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { startApi } from "./api.ts";

const queue = "local.default#worker";

it("a client sees what waits for a queue: its cap, its backlog, the pending runs of a job, and a graph of them", async () => {
  const { client, local } = startApi({ engine: { caps: { [queue]: 2 }, dispatchMs: 1_000 } });
  const members = Array.from({ length: 30 }, (_, k) => add.s(k, 1));
  const { jobId } = await local.engine.submit({ canvas: group(members).canvas });
  for (let k = 0; k < 5; k++) {
    for (const message of await local.queue.receive(["engine"], 10, 30)) {
      await local.passing(local.engine.handle(message, LocalEngine.loop));
      await local.queue.ack([message.id]);
    }
  }
  expect((await client.queues()).find(({ name }) => name === queue)).toMatchObject({ cap: 2, backlog: 28 });
  expect(await client.job(jobId)).toMatchObject({ state: "started", pending: 28, planned: 30 });
  expect((await client.jobs()).items.find((job) => job.jobId === jobId)).not.toHaveProperty("pending");
  const runs = await client.runs(jobId, { status: "pending", limit: 10 });
  expect(runs.items).toHaveLength(10);
  expect(runs.items[0]).toMatchObject({ status: "pending", task: "math.add" });
  const next = await client.runs(jobId, { status: "pending", limit: 100, cursor: runs.cursor! });
  expect(next.items).toHaveLength(18);
  const { nodes } = await client.graph(jobId);
  expect(nodes.find(({ kind }) => kind === "fold")?.byStatus).toEqual({ pending: 28 });
  await local.untilQuiet(600);
  expect(await client.job(jobId)).toMatchObject({ state: "success", counts: { success: 30 } });
  expect((await client.queues()).find(({ name }) => name === queue)).toMatchObject({ cap: 2, backlog: 0 });
});
