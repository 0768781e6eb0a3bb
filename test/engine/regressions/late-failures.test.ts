import { expect, it } from "vitest";
import { defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Latch, untilIdle } from "../scripted-faults.ts";

it("a round that leaves a late failure as it is calls its error links, and counts them (seed 137 of limits)", async () => {
  const latch = new Latch();
  let isBroken = true;
  const calls: string[] = [];
  const early = defineTask({
    name: "early",
    run: () => {
      if (isBroken) throw new TaskError("first", { reason: "first" });
      return "mended";
    },
  });
  const late = defineTask({
    name: "late",
    run: async () => {
      await latch.wait();
      throw new TaskError("second", { reason: "second" });
    },
  });
  const told = defineTask({ name: "told", run: () => void calls.push("told") });
  const local = new LocalEngine([early, late, told]);
  const members = [late.s().linkError(told.si()), early.s()];
  const { jobId } = await local.engine.submit({ canvas: group(members, { policy: "failFast" }).canvas });
  const gid = `${jobId}.0.g`;

  // The first member is held by its worker while the second one fails and decides the group.
  await local.turn();
  const held = (await local.queue.receive(local.queues, 10, 600)).map(async (message) => {
    const { kind } = await local.engine.handle(message, LocalEngine.loop);
    if (kind === "done") await local.queue.ack([message.id]);
  });
  await untilIdle(local);
  latch.release();
  await Promise.all(held);
  await local.untilQuiet();
  expect(await local.engine.run(`${gid}.0`)).toMatchObject({ status: "error", error: { reason: "second" } });
  expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", countsExact: false });
  expect(calls).toEqual([]);

  isBroken = false;
  await local.engine.retry(jobId, { filter: { reasons: ["first"] } });
  await local.untilQuiet();
  const ended = { state: "failure", counts: { success: 2, error: 1 }, countsExact: true };
  expect(await local.engine.job(jobId)).toMatchObject(ended);
  expect(calls).toEqual(["told"]);

  // A later round takes the failure from the ledger with all that it had counted.
  await local.engine.retry(jobId, { filter: { reasons: ["second"] } });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject(ended);
});
