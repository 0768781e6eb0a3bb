import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { connect, ended, type Api } from "../deployment.ts";

describe("an Idempotency-Key", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });

  it("of many submissions at once, and of later ones, makes one job", async () => {
    const idempotencyKey = randomUUID();
    const start = () => api.client.start("example.sum-of-sums", { n: 20 }, { idempotencyKey });
    const first = await Promise.all(Array.from({ length: 8 }, start));
    expect(new Set(first.map(({ jobId }) => jobId)).size).toBe(1);
    expect(first.filter(({ created }) => created).length).toBeLessThanOrEqual(1);
    const jobId = first[0]?.jobId ?? "";
    expect(await ended(api, jobId)).toMatchObject({
      state: "success",
      value: 380,
      counts: { success: 21 },
      countsExact: true,
    });
    expect(await start()).toEqual({ jobId, created: false });
    expect((await api.client.runs(jobId, { limit: 100 })).items.filter(({ attempt }) => attempt > 1)).toEqual([]);
  });

  it("with another body is refused", async () => {
    const idempotencyKey = randomUUID();
    await api.client.start("example.sum-of-sums", { n: 1 }, { idempotencyKey });
    await expect(api.client.start("example.sum-of-sums", { n: 2 }, { idempotencyKey })).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
  });

  it("of each start of a batch makes the batch harmless to repeat, and a part of it may be refused", async () => {
    const starts = Array.from({ length: 25 }, (_, k) => ({
      workflow: "example.sum-of-sums",
      fields: { n: k === 7 ? "none" : 1 + (k % 3) },
      idempotencyKey: randomUUID(),
    }));
    const first = await api.client.submitMany(starts);
    expect(first.flatMap((outcome, k) => ("error" in outcome ? [[k, outcome.error.code]] : []))).toEqual([
      [7, "invalid_parameters"],
    ]);
    const again = await api.client.submitMany(starts);
    expect(again.map((outcome) => "jobId" in outcome && [outcome.jobId, outcome.created])).toEqual(
      first.map((outcome) => "jobId" in outcome && [outcome.jobId, false]),
    );
    const ids = first.flatMap((outcome) => ("jobId" in outcome ? [outcome.jobId] : []));
    expect(new Set(ids).size).toBe(24);
    for (const jobId of ids) expect(await ended(api, jobId)).toMatchObject({ state: "success", countsExact: true });
  });
});
