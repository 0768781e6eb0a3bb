import { beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../functions/client/index.ts";
import { until } from "../../embedded/until.ts";
import { connect, ended, type Api } from "../deployment.ts";

const SECONDS = 1_000;

describe("schedules of a deployment", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });
  const jobsOf = async (name: string): Promise<readonly Job[]> =>
    (await api.client.jobs({ limit: 1_000 })).items.filter(({ schedule }) => schedule?.name === name).toReversed();
  const firings = async (name: string, count: number): Promise<readonly Job[]> => {
    let jobs: readonly Job[] = [];
    await until(`${name} fires ${count} times`, async () => (jobs = await jobsOf(name)).length >= count, 110 * SECONDS);
    return jobs;
  };

  it("D085 one that is put through the API fires at its times, and no more once it is removed", async () => {
    const put = await api.client.putSchedule("often", {
      when: { everySeconds: 5 },
      canvas: { task: "e2e.one" },
      overlap: "allow",
    });
    expect(put).toMatchObject({ state: "active", origin: "api" });
    const jobs = await firings("often", 3);
    await api.client.deleteSchedule("often");
    const times = jobs.map(({ schedule }) => schedule?.at ?? 0);
    expect(new Set(times).size).toBe(times.length);
    for (const { createdAt, schedule } of jobs) expect(createdAt).toBeGreaterThanOrEqual(schedule?.at ?? 0);
    expect(await ended(api, jobs[0]?.jobId ?? "")).toMatchObject({ state: "success", value: 1 });
    await expect(api.client.schedule("often")).rejects.toMatchObject({ code: "schedule_not_found" });
  });

  it("D087 one for each site starts a job for each, and can be paused and triggered", async () => {
    await api.client.putSchedule("sites", {
      when: { cron: "0 0 1 1 *", timeZone: "Europe/Paris" },
      workflow: "e2e.at-site",
      forEach: { field: "site", sites: true },
      paused: true,
    });
    const fired = await api.client.triggerSchedule("sites", { idempotencyKey: "once" });
    expect(fired.jobs.map(({ element = "" }) => element).toSorted((a, b) => a.localeCompare(b))).toEqual([
      "london",
      "paris",
    ]);
    expect(await api.client.triggerSchedule("sites", { idempotencyKey: "once" })).toEqual(fired);
    for (const { jobId } of fired.jobs) expect(await ended(api, jobId)).toMatchObject({ state: "success" });
    expect(await api.client.resumeSchedule("sites")).toMatchObject({ state: "active" });
    await api.client.deleteSchedule("sites");
  });

  it("one of the configuration is there and fires, and is changed only there", async () => {
    expect(await api.client.resumeSchedule("configured")).toMatchObject({ origin: "config", state: "active" });
    const [job] = await firings("configured", 1);
    expect(await ended(api, job?.jobId ?? "")).toMatchObject({ state: "success", parameters: { n: 2 } });
    await expect(api.client.deleteSchedule("configured")).rejects.toMatchObject({ code: "schedule_in_config" });
    expect(await api.client.pauseSchedule("configured")).toMatchObject({ state: "paused" });
  });
});
