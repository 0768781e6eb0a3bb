import { describe, expect, it } from "vitest";
import { startApi } from "./api.ts";

const add = { task: "math.add", args: [1, 2] };

describe("statistics over HTTP", () => {
  it("S137 tell what a task has done, by task, site and job", async () => {
    const { client, local } = startApi();
    const { jobId } = await client.submitWire(add);
    await local.untilQuiet(60);
    await local.engine.flushStatistics();
    const page = await client.statistics({ task: "math.add", site: "local", job: jobId });
    expect(page).toMatchObject({
      approximate: true,
      items: [{ task: "math.add", site: "local", life: { counts: { success: 1, error: 0 }, successRate: 1 } }],
      job: { jobId, state: "success", ended: 1, planned: 1, secondsLeft: 0 },
    });
    expect((await client.statistics({ site: "paris" })).items).toEqual([]);
    expect((await client.statistics()).items).toHaveLength(1);
  });
  it("sites tell queues, workers and work; runs that hold a lease only where the server knows them", async () => {
    const empty = { ready: 0, delayed: 0, inFlight: 0 };
    const { client, local } = startApi({
      health: { queues: { "local.default#worker": { ...empty, started: 3 }, "paris.video#worker": empty } },
    });
    await client.submitWire(add);
    await local.untilQuiet(60);
    await local.engine.flushStatistics();
    const [here, there] = await client.sites();
    expect(here).toMatchObject({
      site: "local",
      queues: ["local.default#worker"],
      workers: 1,
      queued: 0,
      inFlight: 0,
      started: 3,
      paused: false,
      process: true,
    });
    expect(there).toMatchObject({ site: "paris", workers: 0, runsPerSecond: 0 });
    expect(there).not.toHaveProperty("started");
    const queues = await client.queues();
    expect(queues.find(({ name }) => name === "local.default#worker")).toMatchObject({ started: 3, drainSeconds: 0 });
  });
  it.each([
    ["/stats?limit=0", 400, "invalid_request"],
    ["/stats?cursor=a%20b", 400, "invalid_request"],
    ["/stats?colour=red", 400, "invalid_request"],
    ["/stats?job=nobody", 404, "job_not_found"],
    ["/sites?site=paris", 400, "invalid_request"],
  ])("%s is refused with %i %s", async (path, status, code) => {
    const response = await startApi().ask("GET", path);
    expect([response.status, await response.json()]).toMatchObject([status, { code }]);
  });
});
