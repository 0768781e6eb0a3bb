import { beforeAll, describe, expect, it } from "vitest";
import { until } from "../../embedded/until.ts";
import { connect, ended, type Api } from "../deployment.ts";

const SECONDS = 1_000;

describe("the flow of work in a deployment", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });

  it("a paused task starts nothing, other tasks go on, and a resume loses nothing", async () => {
    const target = { kind: "task", name: "e2e.one" } as const;
    expect(await api.client.pause(target)).toMatchObject({ ...target, origin: "api" });
    // Functions remember for 5 seconds what was paused.
    await new Promise((resolve) => setTimeout(resolve, 6 * SECONDS));
    const { jobId } = await api.client.submitWire({ group: [{ task: "e2e.one" }, { task: "e2e.one" }] });
    const other = await api.client.submitWire({ task: "e2e.echo", args: ["goes on"] });
    expect(await ended(api, other.jobId)).toMatchObject({ state: "success", value: "goes on" });
    expect((await api.client.job(jobId)).counts).toEqual({});
    expect(await api.client.resume(target)).toBe(true);
    expect(await ended(api, jobId)).toMatchObject({ state: "success", counts: { success: 2 } });
    await until("the pause is over", async () => (await api.client.pauses()).length === 0, 60 * SECONDS);
  });

  it("a paused job says so, and goes on when it is resumed", async () => {
    const { jobId } = await api.client.submitWire({ task: "e2e.one", options: { countdown: 10 } });
    const target = { kind: "job", name: jobId } as const;
    await api.client.pause(target);
    expect((await api.client.job(jobId)).state).toBe("pausing");
    await new Promise((resolve) => setTimeout(resolve, 15 * SECONDS));
    expect((await api.client.job(jobId)).state).toBe("pausing");
    await api.client.resume(target);
    expect(await ended(api, jobId)).toMatchObject({ state: "success", value: 1 });
  });
});
