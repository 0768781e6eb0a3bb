import { describe, expect, it } from "vitest";
import { startApi } from "./api.ts";

const add = { task: "math.add", args: [1, 2] };

describe("pauses over HTTP", () => {
  it("begin, are listed, and end; what waited runs then", async () => {
    const { client, local } = startApi();
    const target = { kind: "task", name: "math.add" } as const;
    expect(await client.pause(target)).toMatchObject({ ...target, state: "pausing", origin: "api" });
    expect(await client.pauses()).toMatchObject([target]);
    const { jobId } = await client.submitWire(add);
    await local.untilQuiet(60);
    expect((await client.job(jobId)).state).toBe("pending");
    expect([await client.resume(target), await client.resume(target)]).toEqual([true, true]);
    await local.untilQuiet(60);
    expect(await client.job(jobId)).toMatchObject({ state: "success", value: 3 });
    expect([await client.pauses(), await client.resume(target)]).toEqual([[], false]);
  });
  it("of a job show in its state", async () => {
    const { client, local } = startApi();
    const { jobId } = await client.submitWire(add);
    await client.pause({ kind: "job", name: jobId });
    await local.untilQuiet(60);
    expect(await client.job(jobId)).toMatchObject({ state: "pausing" });
    expect((await client.jobs({ state: "pausing" })).items).toHaveLength(1);
    await client.resume({ kind: "job", name: jobId });
    await local.untilQuiet(60);
    expect(await client.job(jobId)).toMatchObject({ state: "success" });
    await expect(client.pause({ kind: "job", name: jobId })).rejects.toMatchObject({ code: "job_ended" });
  });
  it("of a queue are named in every form of its name", async () => {
    const { client } = startApi();
    const full = { kind: "queue", name: "local.default#worker" };
    expect(await client.pause({ kind: "queue", name: "default" })).toMatchObject(full);
    expect(await client.pause({ kind: "queue", name: "local.default#worker" })).toMatchObject(full);
    expect(await client.pauses()).toHaveLength(1);
  });
  it("show in the queues whose work they hold, and nowhere else", async () => {
    const { client, local } = startApi({
      health: { queues: { "local.default#worker": { ready: 0, delayed: 0, inFlight: 0, oldestSeconds: 3 } } },
    });
    const target = { kind: "site", name: "local" } as const;
    await client.pause(target);
    await client.submitWire(add);
    await local.untilQuiet(60);
    await client.submitWire({ ...add, options: { queue: "paris.video" } });
    const depth = { ready: 0, delayed: 0, inFlight: 0 };
    const idle = { depth, runsPerSecond: 0, messagesPerSecond: 0, workers: 0 };
    expect(await client.queues()).toEqual([
      { name: "engine", ...idle, drainSeconds: 0, paused: false, parked: 0 },
      { name: "local.default#worker", ...idle, oldestSeconds: 3, paused: true, parked: 1 },
    ]);
    await client.resume(target);
    await local.untilQuiet(60);
    expect(await client.queues()).toMatchObject([{}, { paused: false, parked: 0 }]);
  });
  it.each([
    ["PUT", "/pauses/printer/one", 400, "invalid_request", "{kind}"],
    ["PUT", "/pauses/job/nobody", 404, "job_not_found", undefined],
    ["DELETE", "/pauses/job/nobody", 404, "job_not_found", undefined],
    ["PUT", "/pauses/task/nobody", 404, "unknown_task", "{name}"],
    ["PUT", "/pauses/queue/a%20b", 400, "invalid_queue_name", "{name}"],
    ["DELETE", "/pauses/queue/a%20b", 400, "invalid_queue_name", "{name}"],
  ] as const)("%s %s is refused", async (method, path, status, code, field) => {
    const response = await startApi().ask(method, path);
    const wanted = field === undefined ? { code } : { code, field };
    expect([response.status, await response.json()]).toMatchObject([status, wanted]);
  });
});
