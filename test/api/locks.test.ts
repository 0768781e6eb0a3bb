import { describe, expect, it } from "vitest";
import type { LockView } from "../../functions/client/index.ts";
import { defineTask, group } from "../../functions/sdk/index.ts";
import { startApi } from "./api.ts";

const note = defineTask({ name: "note", rateLimit: { per: 3_600, limit: 1, key: "hourly" }, run: () => null });

describe("GET /locks", () => {
  it("GET /locks lists what is in use by key, and a deferred run says what it waits for", async () => {
    const api = startApi({ tasks: [note] });
    const { jobId } = await api.client.submitWire(group([note.s(), note.s()]).toJSON());
    for (let turn = 0; turn < 8; turn++) await api.local.turn();
    const found: LockView = {
      kind: "rate",
      key: "hourly",
      limit: 1,
      per: 3_600,
      started: 1,
      nextAt: expect.any(Number) as number,
    };
    expect(await api.client.locks()).toEqual({ items: [found] });
    expect(await api.client.locks({ key: "hourly", limit: 1 })).toMatchObject({ items: [found] });
    expect(await api.client.locks({ key: "other" })).toEqual({ items: [] });
    const { items } = await api.client.runs(jobId, { status: "deferred" });
    expect(items).toMatchObject([
      { task: "note", attempt: 0, unmet: [{ of: "rate", name: "hourly", expiresAt: expect.any(Number) as number }] },
    ]);
  });
  it("options of a signature are taken by the API, and wrong ones are refused by name", async () => {
    const api = startApi({ tasks: [note] });
    const options = { concurrency: { limit: 2, key: "two" }, locks: [{ key: "file", mode: "read" }] };
    const { jobId } = await api.client.submitWire({ task: "noop", options });
    await api.local.untilQuiet();
    expect(await api.client.job(jobId)).toMatchObject({ state: "success" });
    const wrong = { task: "noop", options: { concurrency: { limit: 0 } } };
    await expect(api.client.submitWire(wrong)).rejects.toMatchObject({
      code: "invalid_canvas",
      details: { field: expect.stringContaining("/options/concurrency/limit") as string },
    });
  });
  it.each(["/locks?limit=101", "/locks?kee=x", "/locks?key=", "/locks?cursor=x"])("GET %s is refused", async (path) => {
    const response = await startApi().ask("GET", path);
    expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_request" }]);
  });
});
