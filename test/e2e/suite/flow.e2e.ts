import { beforeAll, describe, expect, it } from "vitest";
import { until } from "../../embedded/until.ts";
import { connect, ended, type Api } from "../deployment.ts";

const SECONDS = 1_000;
/** A queue with a cap of 6 takes so many about every 10 seconds, because SQS tells late what is in a queue. */
const CAPPED = 30;

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

  it("a cap keeps a queue short, what it has no room for is pending, and all of it runs", async () => {
    const name = "london.heavy#custom";
    const member = { task: "e2e.one", options: { queue: "heavy#custom" } };
    const { jobId } = await api.client.submitWire({ group: Array.from({ length: CAPPED }, () => member) });
    let pending = 0;
    let most = 0;
    await until(
      "the job ends",
      async () => {
        const [job, queues] = await Promise.all([api.client.job(jobId), api.client.queues()]);
        const { depth } = queues.find((queue) => queue.name === name) ?? {};
        pending = Math.max(pending, job.pending ?? 0);
        most = Math.max(most, (depth?.ready ?? 0) + (depth?.inFlight ?? 0));
        return job.endedAt !== undefined;
      },
      110 * SECONDS,
    );
    expect(await ended(api, jobId)).toMatchObject({ state: "success", counts: { success: CAPPED } });
    expect(pending).toBeGreaterThan(0);
    expect(most).toBeLessThan(CAPPED);
  });

  it("S121 S128 runs of several jobs share a call, and one that fails costs the others nothing", async () => {
    const texts = Array.from({ length: 12 }, (_, k) => (k === 5 ? "poison" : `t${k}`));
    const group = texts.map((text) => ({ task: "e2e.together", args: [text] }));
    const one = await api.client.submitWire({ group });
    const two = await api.client.submitWire({ task: "e2e.together", args: ["other"] });
    expect(await ended(api, one.jobId)).toMatchObject({ state: "failure", counts: { success: 11, error: 1 } });
    expect(await ended(api, two.jobId)).toMatchObject({ state: "success" });
    const sizes: number[] = [];
    for await (const { value } of api.client.results(one.jobId)) if (value !== undefined) sizes.push(value as number);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
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
