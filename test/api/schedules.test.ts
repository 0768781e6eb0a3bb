import { describe, expect, it } from "vitest";
import type { Schedule } from "../../functions/client/index.ts";
import type { ScheduleView } from "../../functions/engine/contract.ts";
import { startApi } from "./api.ts";

const SPEC = { when: { everySeconds: 600 }, workflow: "example.sum-of-sums", fields: { n: 2 } };

describe("schedules over HTTP", () => {
  it("D085 are put, read, listed, paused, resumed, triggered and removed", async () => {
    const api = startApi();
    const { client, local } = api;
    const nextAt = local.clock.now() + 600_000;
    const put: Schedule = await client.putSchedule("ten", SPEC);
    const view: ScheduleView = put;
    expect(view).toMatchObject({ name: "ten", ...SPEC, origin: "api", state: "active", nextAt, skipped: 0 });
    expect((await client.schedule("ten")).upcoming).toEqual([1, 2, 3, 4, 5].map((k) => nextAt + (k - 1) * 600_000));
    expect(await client.schedules()).toEqual({ items: [put] });
    expect(await client.pauseSchedule("ten")).toMatchObject({ state: "paused" });
    expect(await client.resumeSchedule("ten")).toMatchObject({ state: "active" });
    const { jobs } = await client.triggerSchedule("ten", { idempotencyKey: "once" });
    expect((await client.triggerSchedule("ten", { idempotencyKey: "once" })).jobs).toEqual(jobs);
    expect(await client.job(jobs[0]?.jobId ?? "")).toMatchObject({ schedule: { name: "ten" }, parameters: { n: 2 } });
    await client.deleteSchedule("ten");
    for (const [method, path] of [
      ["GET", "/schedules/ten"],
      ["DELETE", "/schedules/ten"],
      ["POST", "/schedules/ten/trigger"],
      ["POST", "/schedules/ten/pause"],
    ] as const) {
      const response = await api.ask(method, path);
      expect([response.status, await response.json()]).toMatchObject([404, { code: "schedule_not_found" }]);
    }
  });
  it("are created with 201, and put again with 200", async () => {
    const api = startApi();
    const put = () => api.ask("PUT", "/schedules/ten", { json: SPEC });
    const [first, again] = [await put(), await put()];
    expect([first.status, first.headers.get("Location"), again.status]).toEqual([201, "/schedules/ten", 200]);
  });
  it("are listed by pages, in the order of their names", async () => {
    const { client } = startApi();
    for (const name of ["c", "a", "b"]) await client.putSchedule(name, SPEC);
    const first = await client.schedules({ limit: 2 });
    const rest = await client.schedules({ limit: 2, ...(first.cursor !== undefined && { cursor: first.cursor }) });
    expect([...first.items, ...rest.items].map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });
  it.each([
    ["/schedules/ten", {}, 400, "invalid_schedule", "/when"],
    ["/schedules/ten", { ...SPEC, when: { cron: "* * * *" } }, 400, "invalid_schedule", "/when/cron"],
    ["/schedules/ten", { ...SPEC, oops: 1 }, 400, "invalid_schedule", "/oops"],
    ["/schedules/ten", { ...SPEC, workflow: "nobody" }, 404, "unknown_workflow", undefined],
    ["/schedules/ten", { when: SPEC.when, canvas: { task: "nobody" } }, 404, "unknown_task", "/canvas/task"],
    ["/schedules/-ten", SPEC, 400, "invalid_schedule", "{name}"],
    ["/schedules/ten", { ...SPEC, fields: { n: "x".repeat(33_000) } }, 413, "payload_too_large", undefined],
  ] as const)("PUT %s is refused with %#", async (path, json, status, code, field) => {
    const response = await startApi().ask("PUT", path, { json });
    expect([response.status, await response.json()]).toMatchObject([
      status,
      field === undefined ? { code } : { code, field },
    ]);
  });
  it("a cursor that no list gave is refused", async () => {
    const response = await startApi().ask("GET", "/schedules?cursor=%00");
    expect(response.status).toBe(400);
  });
});
