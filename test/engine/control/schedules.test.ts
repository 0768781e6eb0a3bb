import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { ScheduleSpec } from "../../../functions/core/schedule/schedule.ts";
import { defineTask, defineWorkflow } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { Death, HeldCall, type PortCall } from "../scripted-faults.ts";
import { ScheduledEngine } from "../scheduled-engine.ts";

const quick = defineTask({ name: "quick", run: () => "done" });
const waits = defineTask({ name: "waits", run: (ctx) => ctx.waitForEvent("go") });
const report = defineWorkflow({
  name: "report",
  parameters: z.strictObject({ of: z.string().optional(), day: z.string().optional() }),
  canvas: () => quick.s(),
});
const PARIS = "Europe/Paris";
const QUICK: Pick<ScheduleSpec, "canvas"> = { canvas: { task: "quick" } };
const WAITS: Pick<ScheduleSpec, "canvas"> = { canvas: { task: "waits" } };
const EVERY_TEN: Pick<ScheduleSpec, "when"> = { when: { everySeconds: 600, start: "2026-01-01T00:00" } };
const scheduled = (config = {}, around?: ConstructorParameters<typeof ScheduledEngine>[3]) =>
  new ScheduledEngine([quick, waits], [report], config, around);
const submits = ({ writes }: PortCall): boolean =>
  writes.some(({ op, key }) => op === "put" && key.table === "callbacks" && key.partition.startsWith("G#"));
const settles = ({ writes }: PortCall): boolean =>
  writes.some((op) => op.op === "update" && op.key.partition === "SC#all" && op.change.remove?.includes("owed"));

describe("a schedule fires at its times", () => {
  it("D085 by interval, by cron with a time zone, and by rule, from now on", async () => {
    const whens: ScheduleSpec["when"][] = [
      { everySeconds: 900 },
      { cron: "*/15 * * * *", timeZone: PARIS },
      { rrule: "FREQ=MINUTELY;INTERVAL=15", start: "2025-12-31T00:00", timeZone: PARIS },
    ];
    for (const when of whens) {
      const local = scheduled();
      await local.put("quarter", { when, ...QUICK });
      await local.until("2026-01-01T00:50Z");
      expect(await local.fired()).toEqual(["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z", "2026-01-01T00:45:00Z"]);
    }
  });
  it("02:30 in Paris once on the day that skips it, and once on the day that has it twice", async () => {
    const [local, autumn] = [scheduled(), scheduled()];
    local.at("2026-03-29T00:20Z");
    await local.put("nightly", { when: { cron: "30 2 * * *", timeZone: PARIS }, ...QUICK });
    await local.until("2026-03-29T02:40Z");
    expect(await local.fired()).toEqual(["2026-03-29T01:00:00Z"]);
    autumn.at("2026-10-25T00:20Z");
    await autumn.put("nightly", { when: { cron: "30 2 * * *", timeZone: PARIS }, ...QUICK });
    await autumn.until("2026-10-25T02:00Z");
    expect(await autumn.fired()).toEqual(["2026-10-25T00:30:00Z"]);
  });
  it("to the millisecond, though messages are delayed by whole seconds", async () => {
    const local = scheduled();
    local.clock.advance(417);
    await local.put("nightly", { when: { cron: "*/7 * * * *" }, ...QUICK });
    await local.until("2026-01-01T00:30Z");
    const jobs = await local.jobs();
    expect(jobs).toHaveLength(4);
    for (const { createdAt, schedule } of jobs) expect(createdAt).toBe(schedule?.at);
  });
  it("60 days ahead, which is more than a timer or a message can wait", async () => {
    const local = scheduled();
    await local.put("rare", { when: { everySeconds: 60 * 86_400 }, ...QUICK });
    await local.until("2026-01-01T02:00Z");
    expect(await local.fired()).toEqual([]);
    local.at("2026-03-01T22:00Z");
    await local.until("2026-03-02T00:01Z");
    expect(await local.fired()).toEqual(["2026-03-02T00:00:00Z"]);
  });
  it("D088 needs no lock: two sweepers and two copies of a message start one job", async () => {
    const local = scheduled();
    await local.put("ten", { ...EVERY_TEN, ...QUICK });
    for (let k = 0; k < 3; k++) await Promise.all([local.engine.sweep(), local.engine.sweep()]);
    await local.queue.send([
      { queue: "engine", jobId: "x", body: { v: 1, kind: "schedule", name: "ten" }, delaySeconds: 600 },
    ]);
    await local.until("2026-01-01T00:15Z");
    expect(await local.fired()).toEqual(["2026-01-01T00:10:00Z"]);
  });
  it("a lost message delays a firing until the sweeper looks again", async () => {
    const local = scheduled();
    await local.put("ten", { ...EVERY_TEN, ...QUICK });
    for (const { id } of await local.queue.receive(["engine"], 10, 30)) await local.queue.ack([id]);
    local.clock.advance(600_000);
    for (const { id } of await local.queue.receive(["engine"], 10, 30)) await local.queue.ack([id]);
    await local.until("2026-01-01T00:14Z");
    const [job] = await local.jobs();
    expect(job?.schedule?.at).toBe(Date.parse("2026-01-01T00:10Z"));
    expect((job?.createdAt ?? 0) - (job?.schedule?.at ?? 0)).toBeLessThanOrEqual(180_000);
  });
  it.each([
    ["0 * * * *", "01:30", 3],
    ["*/10 * * * *", "00:39", 2],
  ])("%s costs its job, and few writes beside it", async (cron, end, perFiring) => {
    const local = scheduled();
    await local.put("often", { when: { cron }, ...QUICK });
    await local.until(cron.startsWith("0") ? "2026-01-01T00:30Z" : "2026-01-01T00:09Z");
    let writes = 0;
    const write = local.store.write.bind(local.store);
    local.store.write = (op) => {
      if (op.key.partition === "SC#all") writes++;
      return write(op);
    };
    await local.until(`2026-01-01T${end}Z`);
    expect(writes).toBe((await local.fired()).length * perFiring);
    expect(writes).toBeGreaterThan(0);
  });
  it("says the nominal time to the workflow, and the job says its schedule", async () => {
    const local = scheduled();
    await local.put("daily", { when: { cron: "0 1 * * *" }, workflow: "report", timeField: "day" });
    await local.until("2026-01-01T02:00Z");
    expect(await local.jobs()).toMatchObject([
      {
        workflow: "report",
        parameters: { day: "2026-01-01T01:00:00.000Z" },
        schedule: { name: "daily", at: Date.parse("2026-01-01T01:00Z") },
      },
    ]);
  });
});

describe("a server that was down", () => {
  const sleepOverThree = async (spec: Partial<ScheduleSpec>) => {
    const local = scheduled();
    await local.put("ten", { ...EVERY_TEN, ...QUICK, ...spec });
    await local.until("2026-01-01T00:05Z");
    local.at("2026-01-01T00:36Z");
    await local.until("2026-01-01T00:41Z");
    return local.fired();
  };
  it("D085 makes up for three times with one job, and goes on", async () => {
    expect(await sleepOverThree({})).toEqual(["2026-01-01T00:10:00Z", "2026-01-01T00:40:00Z"]);
  });
  it("with a job for each if asked", async () => {
    const all = ["2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z", "2026-01-01T00:30:00Z", "2026-01-01T00:40:00Z"];
    expect(await sleepOverThree({ catchUp: "all", overlap: "allow" })).toEqual(all);
  });
  it("or with none, if they are late by more than five minutes", async () => {
    expect(await sleepOverThree({ catchUp: "none" })).toEqual(["2026-01-01T00:40:00Z"]);
  });
});

describe("the job before has not ended", () => {
  const twenty = async (overlap: NonNullable<ScheduleSpec["overlap"]>) => {
    const local = scheduled();
    await local.put("ten", { ...EVERY_TEN, ...WAITS, overlap });
    await local.until("2026-01-01T00:35Z");
    return local;
  };
  it("D086 skip leaves the firing out, and counts it", async () => {
    const local = await twenty("skip");
    expect(await local.fired()).toEqual(["2026-01-01T00:10:00Z"]);
    expect(await local.engine.schedule("ten")).toMatchObject({ skipped: 2 });
  });
  it("D086 queue keeps one firing, however many came, and starts it when that job ends", async () => {
    const local = await twenty("queue");
    expect(await local.fired()).toEqual(["2026-01-01T00:10:00Z"]);
    const [job] = await local.jobs();
    await local.engine.sendEvent(job?.jobId ?? "", "go", null);
    await local.until("2026-01-01T00:35:02Z");
    const jobs = await local.jobs();
    expect(jobs.map(({ state, schedule }) => [state, schedule?.at])).toEqual([
      ["success", Date.parse("2026-01-01T00:10Z")],
      ["started", Date.parse("2026-01-01T00:30Z")],
    ]);
    expect(await local.engine.schedule("ten")).toMatchObject({ queued: [] });
  });
  it("queue: the sweeper starts it when the message about the end was lost", async () => {
    const local = await twenty("queue");
    const [job] = await local.jobs();
    await local.engine.cancel(job?.jobId ?? "");
    await local.queue.ack((await local.queue.receive(["engine"], 10, 30)).map(({ id }) => id));
    await local.until("2026-01-01T00:39Z");
    expect(await local.fired()).toHaveLength(2);
  });
  it("cancel cancels it and starts the next", async () => {
    const local = await twenty("cancel");
    expect((await local.jobs()).map(({ state }) => state)).toEqual(["cancelled", "cancelled", "started"]);
  });
  it("allow starts the next beside it", async () => {
    const local = await twenty("allow");
    expect((await local.jobs()).map(({ state }) => state)).toEqual(["started", "started", "started"]);
  });
});

describe("a change of a schedule", () => {
  it("an edit while it is due does not fire, and neither does a pause", async () => {
    const local = scheduled();
    await local.put("ten", { ...EVERY_TEN, ...QUICK });
    local.at("2026-01-01T00:10Z");
    await local.put("ten", { when: { cron: "0 * * * *" }, ...QUICK });
    await local.until("2026-01-01T00:50Z");
    expect(await local.fired()).toEqual([]);
    local.at("2026-01-01T01:00Z");
    await local.engine.pauseSchedule("ten", true);
    await local.until("2026-01-01T03:30Z");
    expect(await local.engine.pauseSchedule("ten", false)).toMatchObject({ nextAt: Date.parse("2026-01-01T04:00Z") });
    await local.until("2026-01-01T04:30Z");
    expect(await local.fired()).toEqual(["2026-01-01T04:00:00Z"]);
  });
  it("an edit between a decision and the start of its job is kept, and the next firing knows the job", async () => {
    const held = new HeldCall(submits);
    const local = scheduled({}, held.around);
    await local.put("ten", { ...EVERY_TEN, ...WAITS });
    local.at("2026-01-01T00:10Z");
    const firing = local.turn();
    await held.reached;
    const other = local.over(local, local.scheduled);
    await other.putSchedule("ten", { when: { everySeconds: 300, start: "2026-01-01T00:00" }, ...WAITS });
    held.release();
    await firing;
    await local.until("2026-01-01T00:16Z");
    expect(await local.fired()).toEqual(["2026-01-01T00:10:00Z"]);
    expect(await local.engine.schedule("ten")).toMatchObject({ skipped: 1, when: { everySeconds: 300 } });
  });
  it("the same schedule again changes nothing, and an interval goes on counting", async () => {
    const local = scheduled();
    const spec = { when: { everySeconds: 600 }, ...QUICK };
    expect(await local.put("ten", spec)).toMatchObject({ created: true });
    local.clock.advance(420_000);
    expect(await local.put("ten", spec)).toMatchObject({ created: false });
    await local.put("ten", { ...spec, overlap: "allow" });
    expect(await local.engine.schedule("ten")).toMatchObject({ nextAt: Date.parse("2026-01-01T00:10Z") });
  });
  it("D089 a schedule that is put as paused fires once it is resumed, and when it is triggered", async () => {
    const local = scheduled();
    await local.put("ten", { ...EVERY_TEN, ...QUICK, paused: true });
    await local.until("2026-01-01T00:25Z");
    expect(await local.fired()).toEqual([]);
    const [one, same] = [
      await local.engine.triggerSchedule("ten", "k"),
      await local.engine.triggerSchedule("ten", "k"),
    ];
    expect(same.jobs).toEqual(one.jobs);
    expect(await local.jobs()).toHaveLength(1);
  });
  it("a removed schedule fires no more, and its name is free", async () => {
    const local = scheduled();
    await local.put("ten", { ...EVERY_TEN, ...QUICK });
    await local.engine.deleteSchedule("ten");
    await local.until("2026-01-01T00:25Z");
    expect(await local.fired()).toEqual([]);
    await expect(local.engine.schedule("ten")).rejects.toMatchObject({ code: "schedule_not_found" });
    expect(await local.put("ten", { ...EVERY_TEN, ...QUICK })).toMatchObject({ created: true });
  });
  it("a rule that has come to its end is kept as ended", async () => {
    const local = scheduled();
    await local.put("twice", { when: { rrule: "FREQ=HOURLY;COUNT=2", start: "2026-01-01T01:00" }, ...QUICK });
    await local.until("2026-01-01T05:00Z");
    expect(await local.fired()).toHaveLength(2);
    expect(await local.engine.schedule("twice")).toMatchObject({ state: "ended", upcoming: [] });
  });
});

describe("a job for each", () => {
  it("D087 of the values, each with its own overlap", async () => {
    const local = scheduled();
    const forEach = { field: "of", values: ["a", "b"] };
    await local.put("tenants", { ...EVERY_TEN, workflow: "report", forEach });
    await local.until("2026-01-01T00:25Z");
    const jobs = (await local.jobs()).map(({ schedule, parameters }) => [schedule?.element ?? "", parameters] as const);
    expect(jobs.toSorted(([a], [b]) => a.localeCompare(b))).toEqual([
      ["a", { of: "a" }],
      ["a", { of: "a" }],
      ["b", { of: "b" }],
      ["b", { of: "b" }],
    ]);
  });
  it("D087 of the sites, which are followed: a firing asks for them", async () => {
    const queues = ["local.default#worker", "london.default#worker", "london.big#worker"];
    const local = scheduled({ queues });
    await local.put("sites", { ...EVERY_TEN, workflow: "report", forEach: { field: "of", sites: true } });
    await local.until("2026-01-01T00:15Z");
    queues.push("paris.default#worker");
    await local.until("2026-01-01T00:25Z");
    const sites = (await local.jobs()).map(({ schedule }) => schedule?.element ?? "");
    expect(sites.toSorted((a, b) => a.localeCompare(b))).toEqual(["local", "local", "london", "london", "paris"]);
  });
});

describe("what cannot start", () => {
  it.each([
    [{ when: { cron: "61 * * * *" }, ...QUICK }, "invalid_schedule", "/when/cron"],
    [{ when: { cron: "0 0 30 2 *" }, ...QUICK }, "invalid_schedule", "/when"],
    [{ when: { rrule: "FREQ=DAILY;COUNT=1", start: "2020-01-01T00:00" }, ...QUICK }, "invalid_schedule", "/when"],
    [{ when: { cron: "0 0 * * *", timeZone: "Paris" }, ...QUICK }, "invalid_schedule", "/when/timeZone"],
    [{ when: { everySeconds: 60 } }, "invalid_schedule", "/workflow"],
    [{ when: { everySeconds: 60 }, ...QUICK, overlaps: "skip" }, "invalid_schedule", "/overlaps"],
    [{ when: { everySeconds: 60 }, canvas: { chain: [] } }, "invalid_canvas", "/canvas/chain"],
    [{ when: { everySeconds: 60 }, workflow: "reports" }, "unknown_workflow", undefined],
    [{ when: { everySeconds: 60 }, workflow: "report", fields: { of: 1 } }, "invalid_parameters", "/fields/of"],
    [{ when: { everySeconds: 60 }, ...QUICK, timeoutSeconds: 1e12 }, "invalid_request", "/timeoutSeconds"],
  ])("D085 %j is refused", async (spec, code, field) => {
    const refused = await scheduled()
      .engine.putSchedule("one", spec)
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code, details: field === undefined ? {} : { field } });
  });
  it("a workflow that refuses its fields by now leaves the schedule with its error, and it goes on", async () => {
    let broken = false;
    const moody = defineWorkflow({
      name: "moody",
      parameters: z.strictObject({}).refine(() => !broken, "not today"),
      canvas: () => quick.s(),
    });
    const local = new ScheduledEngine([quick], [moody]);
    await local.put("ten", { ...EVERY_TEN, workflow: "moody" });
    broken = true;
    await local.until("2026-01-01T00:15Z");
    expect(await local.engine.schedule("ten")).toMatchObject({ error: { code: "invalid_parameters" } });
    broken = false;
    await local.until("2026-01-01T00:25Z");
    expect(await local.fired()).toEqual(["2026-01-01T00:20:00Z"]);
    expect((await local.engine.schedule("ten")).error).toBeUndefined();
  });
});

describe("a death in a firing", () => {
  it("after the start repeats it, which gives the same job", async () => {
    const death = new Death(settles);
    const local = scheduled({}, death.around);
    await local.put("ten", { ...EVERY_TEN, ...QUICK });
    local.at("2026-01-01T00:10Z");
    const turn = local.turn();
    await Promise.race([turn, death.died]);
    await local.queue.releaseAll();
    const survivor = local.over(local, local.scheduled);
    for (const message of await local.queue.receive(["engine"], 10, 30)) {
      await local.passing(survivor.handle(message, ScheduledEngine.loop));
      await local.queue.ack([message.id]);
    }
    expect((await survivor.jobs({})).items.map(({ schedule }) => schedule?.at)).toEqual([
      Date.parse("2026-01-01T00:10Z"),
    ]);
    expect(await survivor.schedule("ten")).toMatchObject({ nextAt: Date.parse("2026-01-01T00:20Z") });
  });
  it("between the decision and the start loses nothing", async () => {
    const death = new Death(submits);
    const local = scheduled({}, death.around);
    await local.put("ten", { ...EVERY_TEN, ...QUICK });
    local.at("2026-01-01T00:10Z");
    await Promise.race([local.turn(), death.died]);
    await local.queue.releaseAll();
    const survivor = local.over(local, local.scheduled);
    for (const message of await local.queue.receive(["engine"], 10, 30))
      await local.passing(survivor.handle(message, ScheduledEngine.loop));
    expect((await survivor.jobs({})).items).toHaveLength(1);
  });
});

describe("schedules of the configuration", () => {
  const configured = [{ name: "nightly", ...EVERY_TEN, ...QUICK }];
  it("are put by a sweep, left alone while they do not change, and removed with their entry", async () => {
    const schedules = [...configured];
    const local = scheduled({ schedules });
    await local.until("2026-01-01T00:01Z");
    expect(await local.engine.schedule("nightly")).toMatchObject({ origin: "config", state: "active" });
    await local.engine.pauseSchedule("nightly", true);
    await local.until("2026-01-01T00:05Z");
    expect(await local.engine.schedule("nightly")).toMatchObject({ state: "paused" });
    for (const change of [local.put("nightly", { ...EVERY_TEN, ...QUICK }), local.engine.deleteSchedule("nightly")])
      await expect(change).rejects.toMatchObject({ code: "schedule_in_config" });
    schedules.length = 0;
    await local.until("2026-01-01T00:07Z");
    await expect(local.engine.schedule("nightly")).rejects.toMatchObject({ code: "schedule_not_found" });
  });
  it("send nothing while they do not change", async () => {
    const local = scheduled({ schedules: configured });
    await local.engine.syncSchedules();
    const counted = countPorts(local);
    await local.engine.sweep();
    expect(counted.messages).toEqual({});
  });
});
