import { describe, expect, it } from "vitest";
import type { WorkerLoop } from "../../../functions/engine/worker-loop.ts";
import { defineTask } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Latch, ScriptedLoop, settled } from "../scripted-faults.ts";

/** A run whose first attempt has passed its deadline and ignores its signal until `latch` is released. */
async function deafAttempt(
  settings: { readonly mayOverlap?: boolean; readonly maxAttempts?: number } = {},
  limit?: (now: number) => NonNullable<WorkerLoop["limit"]>,
) {
  const latch = new Latch();
  const { maxAttempts = 2, ...rest } = settings;
  const deaf = defineTask({
    name: "deaf",
    timeout: 2,
    retry: { maxAttempts, initialDelaySeconds: 1, jitter: 0 },
    ...rest,
    run: (ctx) => (ctx.attempt === 1 ? latch.wait() : undefined),
  });
  const local = new LocalEngine([deaf]);
  const { jobId } = await local.engine.submit({ canvas: deaf.s().canvas });
  while ((await local.queue.depth("local.default#worker")).ready === 0) await local.turn();
  const [message] = await local.queue.receive(["local.default#worker"], 1, 900);
  if (!message) throw new Error("a message was expected");
  const loop = new ScriptedLoop();
  const limited = limit ? Object.assign(loop, { limit: limit(local.clock.now()) }) : loop;
  const handled = local.engine.handle(message, limited).then(() => local.queue.ack([message.id]));
  await latch.reached;
  local.clock.advance(2_000);
  loop.abort("deadline");
  await settled();
  const run = () => local.engine.run(`${jobId}.0`);
  return { local, latch, handled, run };
}

describe("a retry and the attempt before it", () => {
  it("a retry waits for the end of a timed-out attempt that ignores its signal", async () => {
    const { local, latch, handled, run } = await deafAttempt();
    local.clock.advance(5_000);
    await settled();
    expect(await run()).toMatchObject({ status: "started", attempt: 1 });
    latch.release();
    await handled;
    expect(await run()).toMatchObject({ status: "retrying", error: { reason: "task_timeout" } });
    await local.untilQuiet();
    expect(await run()).toMatchObject({ status: "success", attempt: 2 });
  });

  it("a retry waits for ten seconds at most", async () => {
    const { local, handled, run } = await deafAttempt();
    local.clock.advance(9_999);
    await settled();
    expect(await run()).toMatchObject({ status: "started" });
    local.clock.advance(1);
    await handled;
    expect(await run()).toMatchObject({ status: "retrying" });
  });

  it("a task that says that overlap is harmless is retried at its time", async () => {
    const { handled, run } = await deafAttempt({ mayOverlap: true });
    await handled;
    expect(await run()).toMatchObject({ status: "retrying" });
  });

  it("an attempt that is not retried ends at its deadline", async () => {
    const { handled, run } = await deafAttempt({ maxAttempts: 1 });
    await handled;
    expect(await run()).toMatchObject({ status: "error", error: { reason: "task_timeout" } });
  });

  it("a process that must end waits no longer than it lasts", async () => {
    const { local, handled, run } = await deafAttempt({}, (now) => ({ seconds: 60, at: now + 5_000 }));
    local.clock.advance(3_000);
    await handled;
    expect(await run()).toMatchObject({ status: "retrying" });
  });
});
