import { describe, expect, it } from "vitest";
import { defineTask } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { HeldCall, HeldRead, onlyMessage, untilIdle } from "../scripted-faults.ts";

describe("a message that is parked", () => {
  it("is not lost when it comes twice, and its pause ends between the two", async () => {
    let ran = 0;
    const work = defineTask({ name: "work", run: () => ++ran });
    const local = new LocalEngine([work], { pauseCacheMs: 0, headerCacheMs: 0 });
    const { engine } = local;
    const { jobId } = await engine.submit({ canvas: work.s().canvas });
    const message = await onlyMessage(local);
    await engine.pause({ kind: "job", name: jobId });
    const putting = new HeldCall(({ writes }) => writes.some(({ key }) => key.partition.startsWith("B#")));
    const looking = new HeldRead(jobId);
    const other = local.over(local, (ports) => putting.around(looking.around(ports)));
    const again = other.handle({ ...message, receives: 2 }, LocalEngine.loop);
    await putting.reached;
    expect(await engine.handle(message, LocalEngine.loop)).toEqual({ kind: "done" });
    await local.queue.ack([message.id]);
    putting.release();
    await looking.reached;
    await engine.resume({ kind: "job", name: jobId });
    looking.release();
    await again;
    await untilIdle(local);
    expect(await engine.job(jobId)).toMatchObject({ state: "success" });
    expect(ran).toBe(1);
  });
});
