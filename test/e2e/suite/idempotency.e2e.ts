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
});
