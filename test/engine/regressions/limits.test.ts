import { describe, expect, it } from "vitest";
import { group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { settled } from "../scripted-faults.ts";
import { endAll, go, limited, passSeconds, same, submit } from "../waits/limited-runs.ts";

const QUEUE = "local.default#worker";
/** A lease with its margin has passed. */
const LEASE_SECONDS = 66;

/** Another process, and what it makes of the message of a job's first run that comes again. */
function rescue(local: LocalEngine, tasks: ConstructorParameters<typeof LocalEngine>[0]) {
  const engine = new LocalEngine(tasks, { headerCacheMs: 0 }).over(local);
  const receive = async (jobId: string) => {
    const body = { v: 1, kind: "members", gid: jobId, step: 0, members: [0] };
    await engine.handle({ queue: QUEUE, body, receives: 2 }, LocalEngine.loop);
    return (await engine.run(`${jobId}.0`))?.status;
  };
  return { engine, receive };
}
const write = (work: ReturnType<typeof limited>["work"], name: string) =>
  work.signature([name], {}, { locks: [{ key: "file" }] });
const read = (work: ReturnType<typeof limited>["work"], name: string) =>
  work.signature([name], {}, { locks: [{ key: "file", mode: "read" }] });

describe("a lock whose holder has died, without a sweep", () => {
  it("is released by the next attempt of its run, which is refused behind a writer that waits", async () => {
    const { floor, work, local } = limited({});
    const reader = await submit(local, read(work, "reader"));
    await go(local);
    expect(floor.started).toEqual(["reader"]);
    const { engine, receive } = rescue(local, [work, same]);
    const { jobId: writer } = await engine.submit({ canvas: write(work, "writer").canvas, idempotencyKey: "next" });
    expect(await receive(writer)).toBe("deferred");
    local.clock.advance(LEASE_SECONDS * 1_000);
    // Both would wait for each other, if the reader kept what its first attempt holds.
    expect(await receive(reader)).toBe("deferred");
    expect((await engine.run(`${writer}.0`))?.status).toBe("queued");
  });
  it("is released when the message of a cancelled job comes again", async () => {
    const { floor, work, local } = limited({ locks: [{ key: (_ctx, name: string) => name.slice(0, 1) }] });
    const dies = await submit(local, work.s("a dies"));
    await go(local);
    expect(floor.started).toEqual(["a dies"]);
    const { engine, receive } = rescue(local, [work, same]);
    const { jobId: next } = await engine.submit({ canvas: work.s("a next").canvas, idempotencyKey: "next" });
    expect(await receive(next)).toBe("deferred");
    await engine.cancel(dies);
    await receive(dies);
    expect((await engine.run(`${next}.0`))?.status).toBe("deferred");
    local.clock.advance(LEASE_SECONDS * 1_000);
    await receive(dies);
    expect((await engine.run(`${next}.0`))?.status).toBe("queued");
  });
  it("is released when the message of a run comes again that was revoked meanwhile", async () => {
    const { floor, work, local } = limited({ concurrency: { limit: 1 } });
    const dies = await submit(local, group([work.s("dies")], { policy: "settled" }));
    await go(local);
    expect(floor.started).toEqual(["dies"]);
    const { engine, receive } = rescue(local, [work, same]);
    const { jobId: next } = await engine.submit({ canvas: work.s("next").canvas, idempotencyKey: "next" });
    expect(await receive(next)).toBe("deferred");
    local.clock.advance(LEASE_SECONDS * 1_000);
    await engine.revoke(`${dies}.0.g.0`);
    const body = { v: 1, kind: "members", gid: `${dies}.0.g`, step: 0, members: [0] };
    await engine.handle({ queue: QUEUE, body, receives: 2 }, LocalEngine.loop);
    expect((await engine.run(`${dies}.0.g.0`))?.status).toBe("cancelled");
    expect((await engine.run(`${next}.0`))?.status).toBe("queued");
  });
});

describe("a run that was woken for a lock", () => {
  it("leaves it to the next one when its job is cancelled before its message is handled", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file" }] });
    await submit(local, work.s("first"));
    await go(local);
    const second = await submit(local, work.s("second"));
    await passSeconds(local, 1);
    await submit(local, work.s("third"));
    await passSeconds(local, 1);
    floor.end("first");
    for (let k = 0; k < 12; k++) await settled();
    expect((await local.engine.run(`${second}.0`))?.status).toBe("queued");
    await local.engine.cancel(second);
    await go(local);
    expect(floor.started).toEqual(["first", "third"]);
  });
  it("leaves it to the next one while its job is paused, and keeps its place", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file" }] }, {}, { pauseCacheMs: 0 });
    await submit(local, work.s("first"));
    await go(local);
    const second = await submit(local, work.s("second"));
    await passSeconds(local, 1);
    for (const name of ["third", "fourth"]) {
      await submit(local, work.s(name));
      await passSeconds(local, 1);
    }
    await local.engine.pause({ kind: "job", name: second });
    floor.end("first");
    await go(local);
    expect(floor.started).toEqual(["first", "third"]);
    await local.engine.resume({ kind: "job", name: second });
    await go(local);
    floor.end("third");
    await go(local);
    expect(floor.started).toEqual(["first", "third", "second"]);
    await endAll(local, floor);
    expect(floor.started.at(-1)).toBe("fourth");
  });
});
