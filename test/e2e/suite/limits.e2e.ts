import { beforeAll, describe, expect, it } from "vitest";
import { type Api, connect, ended } from "../deployment.ts";

describe("limits and locks of a deployment", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });

  it("D070 D074 a lock is one run's at a time, and nobody waits for ever", async () => {
    const locked = { task: "e2e.locked", options: { locks: [{ key: "e2e" }] } };
    const { jobId } = await api.client.submitWire({ group: Array.from({ length: 6 }, () => locked) });
    expect(await ended(api, jobId)).toMatchObject({ state: "success", counts: { success: 6 } });
    const held: [number, number][] = [];
    for await (const { value } of api.client.results(jobId)) held.push(value as [number, number]);
    held.sort(([a], [b]) => a - b);
    for (const [k, [from]] of held.entries()) expect(from).toBeGreaterThanOrEqual(held[k - 1]?.[1] ?? 0);
    expect((await api.client.locks({ key: "e2e" })).items).toEqual([]);
  });
});
