import { describe, expect, it } from "vitest";
import { type CallbackOptions, defineTask, group } from "../../functions/sdk/index.ts";
import { add, sum } from "../../functions/tasks/examples.ts";
import { startApi } from "./api.ts";

const spawned: string[] = [];
const spawns = defineTask({
  name: "spawns",
  run: (ctx, options: CallbackOptions) =>
    void spawned.push(ctx.spawnWithCallback([add.s(1, 2), add.s(3, 4)], sum.s(), options).groupId),
});

describe("GET /groups/{id}", () => {
  it("GET /groups/{id} shows the group that a task has spawned, by the id that the task was told", async () => {
    const api = startApi({ tasks: [spawns] });
    const { jobId } = await api.client.submitWire(spawns.s({}).toJSON());
    await api.local.untilQuiet();
    const groupId = spawned.at(-1) as string;
    const response = await api.ask("GET", `/groups/${groupId}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      groupId,
      jobId,
      state: "complete",
      round: 0,
      createdAt: expect.any(Number),
      total: 2,
      remaining: 0,
      failed: 0,
      counts: { success: 2 },
      countsExact: true,
      policy: "allSuccess",
      tracking: "lazy",
      ownerRunId: `${jobId}.0.g.0`,
      callbackRunId: `${jobId}.0.g.0~1`,
      ttlSeconds: 86_400,
      expiresAt: expect.any(Number),
    });
    expect(await api.client.group(groupId)).toMatchObject({ groupId, state: "complete" });
  });
  it("GET /groups/{id} answers 410 once the time to live is over, and 404 for what is no group", async () => {
    const api = startApi({ tasks: [spawns] });
    const { jobId } = await api.client.submitWire(spawns.s({ ttlSeconds: 5 }).toJSON());
    await api.local.untilQuiet();
    api.local.clock.set(api.local.clock.now() + 6_000);
    const groupId = spawned.at(-1) as string;
    const gone = await api.ask("GET", `/groups/${groupId}`);
    expect([gone.status, await gone.json()]).toMatchObject([410, { code: "group_expired", details: { groupId } }]);
    for (const id of [`${jobId}.0.g.7.g`, "nobody", `${jobId}.0`, "%20", "a%23b"]) {
      const response = await api.ask("GET", `/groups/${id}`);
      expect([id, response.status, await response.json()]).toMatchObject([id, 404, { code: "group_not_found" }]);
    }
    expect((await api.ask("GET", `/groups/${"x".repeat(2_001)}`)).status).toBe(400);
  });
  it("a canvas may give its groups a time to live, and a wrong one is refused by its field", async () => {
    const api = startApi();
    const { jobId } = await api.client.submitWire(group([add.s(1, 2)], { ttlSeconds: 60 }).toJSON());
    await api.local.untilQuiet();
    expect(await api.client.group(`${jobId}.0.g`)).toMatchObject({ ttlSeconds: 60 });
    const wrong = { group: [{ task: "math.add", args: [1, 2] }], options: { ttlSeconds: 0 } };
    await expect(api.client.submitWire(wrong)).rejects.toMatchObject({
      code: "invalid_canvas",
      details: { field: "/canvas/options/ttlSeconds" },
    });
  });
});
