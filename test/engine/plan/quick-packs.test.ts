import { describe, expect, it } from "vitest";
import { ENGINE_QUEUE } from "../../../functions/core/names/queue-name.ts";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

/** Returns the messages that a group of `members` takes, after one that has shown how fast the task is. */
async function messagesOf(members: number, ms: number, quickPack = 16) {
  const task = defineTask({
    name: "task",
    run: (_ctx, index: number) => {
      local.clock.advance(ms);
      return index;
    },
  });
  const local: LocalEngine = new LocalEngine([task], { quickPack });
  const run = async (count: number) => {
    const canvas = group(Array.from({ length: count }, (_, index) => task.s(index))).canvas;
    const { jobId } = await local.engine.submit({ canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: count } });
  };
  const counted = countPorts(local);
  const sent = (): number =>
    Object.entries(counted.messages).reduce((sum, [queue, count]) => (queue === ENGINE_QUEUE ? sum : sum + count), 0);
  await run(3);
  const before = sent();
  expect(before).toBe(3);
  await run(members);
  return sent() - before;
}

describe("members of a small group", () => {
  it.each([
    [1, 1],
    [16, 1],
    [20, 2],
    [33, 3],
  ])("%i of a quick task share %i messages", async (members, messages) => {
    expect(await messagesOf(members, 0)).toBe(messages);
  });
  it("of a slow task go one by one, and so do all where quick ones are not packed", async () => {
    expect(await messagesOf(20, 5)).toBe(20);
    expect(await messagesOf(20, 0, 1)).toBe(20);
  });
});
