import { describe, expect, it } from "vitest";
import {
  definePathTask,
  expandPaths,
  FileActionStatus,
  type GivenPayload,
  type PathPayload,
} from "../../functions/paths/index.ts";
import { createRunner } from "../../functions/sdk/index.ts";
import { refusalOf } from "../core/refusal.ts";
import { errorOf, type LogLine, runTask, taskCall } from "../sdk/calls.ts";
import seed000 from "./golden/seed-000.json" with { type: "json" };
import seed001 from "./golden/seed-001.json" with { type: "json" };

const [FILE1, FILE2] = ["/mmfs1/data/my-fileset/file1", "/mmfs1/data/my-fileset/file2"] as const;
const INPUTS = seed001.status.input_paths;

/** The text of a payload, which shows the order of its keys, with its time as an instant. */
function textOf(payload: unknown): string {
  const { status, ...others } = payload as PathPayload;
  const started = /[Z+]/.test(status.started) ? status.started : `${status.started}Z`;
  return JSON.stringify({ ...others, status: { ...status, started: Date.parse(started) } });
}
async function payloadOf(run: () => unknown, kwargs = {}, log: LogLine[] = []): Promise<PathPayload> {
  const task = definePathTask({ name: "my-plugin", run: run as () => GivenPayload });
  const startedAt = Date.parse("2023-04-25T14:56:31.253Z");
  const outcome = await createRunner([task]).run(taskCall("my-plugin", [], { kwargs, startedAt }, log));
  expect(outcome.kind === "success" ? "success" : outcome).toBe("success");
  return (outcome as unknown as { value: PathPayload }).value;
}
const fromScratch = (
  change: (payload: Record<string, unknown> & { status: Record<string, unknown> }) => void = () => undefined,
) => {
  const payload = structuredClone(seed001) as never;
  change(payload);
  return payload;
};

describe("FileActionStatus", () => {
  it("NG-020 NG-021 NG-022 NG-023 NG-010 NG-011 builds the payload of the seed, key for key in its order", async () => {
    const built = await payloadOf(() => {
      const status = new FileActionStatus("my-plugin", INPUTS, 100, "london.highpriority#custom");
      status.add("failures", FILE2, { message: "Reason xyz for the failure" });
      status.add("processed", FILE1);
      return status.dump();
    });
    expect(textOf(built)).toBe(textOf(seed001));
  });
  it("NG-019 says when the task started, with an offset", async () => {
    const built = await payloadOf(() => new FileActionStatus("t", [], 1, "q").dump());
    expect(built.status.started).toBe("2023-04-25T14:56:31.253+00:00");
  });
  it.each(["a text", 7])("keeps a jobid that is %j as it was given", async (jobid) => {
    expect((await payloadOf(() => new FileActionStatus("t", [], jobid, "q").dump())).jobid).toBe(jobid);
  });
  it.each<[string, "processed" | "skipped" | "aborted" | "failures" | "inprogress", boolean]>([
    ["NG-024 NG-013", "processed", true],
    ["NG-025 NG-013", "skipped", true],
    ["NG-026", "aborted", false],
    ["NG-027", "failures", false],
    ["NG-028", "inprogress", false],
  ])("%s counts an item that is %s; it is handed over: %j", (_ids, state, handedOver) => {
    const status = new FileActionStatus("t", INPUTS, 1, "q");
    status.add(state, FILE1);
    const { paths, status: made } = status.dump();
    expect(made.summary).toEqual({ failures: 0, processed: 0, skipped: 0, [state]: 1 });
    expect(made.details).toEqual({ failures: [], processed: [], skipped: [], [state]: [{ path: FILE1 }] });
    expect(paths).toEqual(handedOver ? [{ path: FILE1 }] : []);
  });
  it("NG-015 NG-016 NG-017 names the last two states only when items are in them, behind the others", () => {
    const status = new FileActionStatus("t", INPUTS, 1, "q");
    status.add("inprogress", "/b");
    status.add("aborted", "/a");
    expect(Object.keys(status.dump().status.summary)).toEqual([
      "failures",
      "processed",
      "skipped",
      "aborted",
      "inprogress",
    ]);
    const none = new FileActionStatus("t", INPUTS, 1, "q").dump().status;
    expect([Object.keys(none.summary), Object.keys(none.details)]).toEqual([
      ["failures", "processed", "skipped"],
      ["failures", "processed", "skipped"],
    ]);
  });
  it("keeps the last state of an item, and counts it once", () => {
    const status = new FileActionStatus("t", INPUTS, 1, "q");
    status.add("inprogress", FILE1);
    status.add("processed", FILE2);
    status.add("processed", FILE1);
    status.add("processed", FILE1);
    expect(status.dump()).toMatchObject({
      paths: [{ path: FILE2 }, { path: FILE1 }],
      status: { summary: { processed: 2 } },
    });
    expect(status.dump().status.summary).not.toHaveProperty("inprogress");
  });
  it("hands an item over with the fields it came with, and those that were added", () => {
    const status = new FileActionStatus("t", [{ path: "/a", size: 3, site: "oslo" }], 1, "q");
    status.add("processed", "/a", { checksum: "c" });
    status.add("skipped", { path: "/new", size: 4 });
    expect(status.dump().paths).toEqual([
      { path: "/a", size: 3, site: "oslo", checksum: "c" },
      { path: "/new", size: 4 },
    ]);
  });
  it.each([
    ["a text", "one", ["one"]],
    ["a list", ["one", "two"], ["one", "two"]],
    ["an error", new Error("broken pipe"), ["broken pipe"]],
  ])("NG-018 keeps the reason of a failure as a list of texts: %s", (_title, message, kept) => {
    const status = new FileActionStatus("t", INPUTS, 1, "q");
    status.add("failures", FILE1, { message });
    expect(status.dump().status.details.failures).toEqual([{ path: FILE1, message: kept }]);
  });
  it.each<[string, (status: FileActionStatus) => void, string]>([
    ["a state that does not exist", (status) => status.add("failed" as never, "/a"), "/state"],
    ["an item without a path", (status) => status.add("processed", { name: "a" } as never), "/item/path"],
    ["an empty path", (status) => status.add("processed", ""), "/item/path"],
    ["a reason that is a number", (status) => status.add("failures", "/a", { message: 5 as never }), "/message"],
  ])("refuses %s", (_title, add, field) => {
    expect(refusalOf(() => add(new FileActionStatus("t", [], 1, "q")))).toMatchObject({
      code: "invalid_payload",
      details: { field },
    });
  });
  it("says which state was probably meant", () =>
    expect(() => new FileActionStatus("t", [], 1, "q").add("failure" as never, "/a")).toThrow(
      "did you mean failures?",
    ));
});

describe("a payload from scratch", () => {
  it("NG-010 NG-020 is the same as one that was built", async () =>
    expect(textOf(await payloadOf(() => fromScratch()))).toBe(textOf(seed001)));
  it("gets its keys in their order, and the states that it left out", async () => {
    const { status, paths, jobid } = fromScratch() as unknown as typeof seed001;
    const { summary, details, ...others } = status;
    const { skipped: _count, ...counted } = summary;
    const { skipped: _items, ...detailed } = details;
    const { started, ...more } = others;
    const shuffled = { status: { started, details: detailed, summary: counted, ...more }, paths, jobid };
    expect(textOf(await payloadOf(() => shuffled))).toBe(textOf(seed001));
  });
  it("may have further keys, which are kept behind the others", async () => {
    const made = await payloadOf(() => ({ ...seed001, extra: 1, status: { note: "n", ...seed001.status } }));
    expect(made).toMatchObject({ extra: 1, status: { note: "n" } });
    expect(Object.keys(made)).toEqual(["jobid", "paths", "status", "extra"]);
  });
  it.each([
    ["2023-04-25T14:56:31.253043", "2023-04-25T14:56:31.253043+00:00"],
    ["2023-04-25T14:56:31Z", "2023-04-25T14:56:31+00:00"],
    ["2023-04-25T16:56:31+02:00", "2023-04-25T16:56:31+02:00"],
    [new Date(0), "1970-01-01T00:00:00.000+00:00"],
  ])("NG-019 may say %j for its start, which is kept as %j", async (started, kept) =>
    expect((await payloadOf(() => ({ ...seed001, status: { ...seed001.status, started } }))).status.started).toBe(kept),
  );
  it.each<[string, unknown, string]>([
    ["nothing", undefined, ""],
    ["a status that was not dumped", new FileActionStatus("t", [], 1, "q"), ""],
    ["no jobid", fromScratch((payload) => delete payload["jobid"]), "/jobid"],
    ["a jobid that is a list", fromScratch((payload) => (payload["jobid"] = [1])), "/jobid"],
    ["no paths", fromScratch((payload) => delete payload["paths"]), "/paths"],
    ["paths as texts", fromScratch((payload) => (payload["paths"] = [{ path: "/a" }, "/b"])), "/paths/1"],
    ["no status", fromScratch((payload) => delete (payload as { status?: unknown }).status), "/status"],
    ["no task", fromScratch(({ status }) => delete status["task"]), "/status/task"],
    ["no input", fromScratch(({ status }) => delete status["input_paths"]), "/status/input_paths"],
    ["another number of inputs", fromScratch(({ status }) => (status["input_total"] = 3)), "/status/input_total"],
    ["no summary", fromScratch(({ status }) => delete status["summary"]), "/status/summary"],
    ["an unknown state", fromScratch(({ status }) => (status["summary"] = { done: 1 })), "/status/summary/done"],
    ["half an item", fromScratch(({ status }) => (status["summary"] = { failures: 0.5 })), "/status/summary/failures"],
    [
      "a count that the details do not have",
      fromScratch(({ status }) => (status["summary"] = { failures: 1, processed: 2 })),
      "/status/summary/processed",
    ],
    ["no details", fromScratch(({ status }) => delete status["details"]), "/status/details"],
    [
      "details without a list",
      fromScratch(({ status }) => (status["details"] = { processed: 1 })),
      "/status/details/processed",
    ],
    [
      "a reason that is no list",
      fromScratch(({ status }) => (status["details"] = { failures: [{ path: "/a", message: "why" }] })),
      "/status/details/failures/0/message",
    ],
    ["no start", fromScratch(({ status }) => delete status["started"]), "/status/started"],
    ["a start that is no time", fromScratch(({ status }) => (status["started"] = "yesterday")), "/status/started"],
  ])("is refused with the name of the field: %s", async (_title, returned, field) => {
    const task = definePathTask({ name: "t", run: () => returned as GivenPayload });
    const error = errorOf(await runTask(task));
    expect(error).toMatchObject({ reason: "invalid_payload", retryable: false, details: { field } });
    expect(error.message.startsWith(field || "the payload")).toBe(true);
  });
});

describe("items that are not finished", () => {
  it("NG-014 that were reported in no state are listed, and a warning names them", async () => {
    const log: LogLine[] = [];
    const made = await payloadOf(
      () => {
        const status = new FileActionStatus("t", INPUTS, 1, "q");
        status.add("processed", FILE1);
        return status.dump();
      },
      {},
      log,
    );
    expect(made.status).toMatchObject({ input_total: 2, input_paths: INPUTS, unreported: [{ path: FILE2 }] });
    expect(log).toMatchObject([{ level: "warn", fields: { first: [FILE2] } }]);
  });
  it("NG-028 that are in progress at the end of the task are warned of", async () => {
    const log: LogLine[] = [];
    await payloadOf(
      () => {
        const status = new FileActionStatus("t", [], 1, "q");
        status.add("inprogress", FILE1);
        return status.dump();
      },
      {},
      log,
    );
    expect(log).toMatchObject([{ level: "warn", message: expect.stringContaining("still in progress") }]);
  });
});

describe("the example of the advanced guide", () => {
  it("NG-001 NG-002 gives its payload, key for key in its order", async () => {
    const handler = definePathTask({
      name: "dynamo.custom.my_snapdiff_handler",
      acceptsStreaming: true,
      run: async (ctx, { paths, jobid }) => {
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        for await (const item of expandPaths(paths)) status.add("processed", item.path);
        return status.dump();
      },
    });
    const outcome = await runTask(handler, [], { kwargs: { paths: seed000.status.input_paths as never } });
    expect(outcome.kind).toBe("success");
    expect(textOf((outcome as unknown as { value: unknown }).value)).toBe(textOf(seed000));
  });
});
