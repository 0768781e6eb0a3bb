import { describe, expect, it } from "vitest";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { FullDisk } from "../scripted-faults.ts";

const LARGE = "x".repeat(10_000);
/** Refused writes, with a second between the tries of one. */
const REFUSALS = 40;

describe("an attempt whose outcome cannot be kept", () => {
  it.each([
    ["a small value", "small", "lazy"],
    ["a value that becomes a blob", LARGE, "lazy"],
    ["the value of a member without a claim", LARGE, "result"],
    ["the value of a member without a row", LARGE, "ledger"],
  ] as const)("%s is held until there is room, and its code ran once", async (_what, value, tracking) => {
    const disk = new FullDisk();
    let ran = 0;
    const gives = defineTask({
      name: "gives",
      retry: { maxAttempts: 1 },
      run: () => {
        ran++;
        disk.fill(REFUSALS);
        return value;
      },
    });
    const local = new LocalEngine([gives], {}, { around: disk.around });
    const { jobId } = await local.engine.submit({ canvas: group([gives.s()], { tracking }).canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    expect(ran).toBe(1);
  });

  it("a generator is pulled once although its pages have to wait for room", async () => {
    const disk = new FullDisk();
    let pulled = 0;
    const member = defineTask({ name: "member", run: (_ctx, x: number) => x });
    const streams = defineTask({
      name: "streams",
      retry: { maxAttempts: 1 },
      run: async function* () {
        for (let item = 0; item < 3; item++) {
          pulled++;
          disk.fill(REFUSALS);
          yield member.s(item);
        }
      },
    });
    const local = new LocalEngine([member, streams], {}, { around: disk.around });
    const { jobId } = await local.engine.submit({ canvas: streams.s().canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    expect(pulled).toBe(3);
  });
});
