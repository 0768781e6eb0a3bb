import { describe, expect, it } from "vitest";
import * as z from "zod";
import { compileCanvas } from "../../functions/core/plan/compile.ts";
import {
  createRegistry,
  createRunner,
  createWorkflows,
  defineTask,
  defineWorkflow,
  loadTaskModule,
  TaskError,
} from "../../functions/sdk/index.ts";
import * as shipped from "../../functions/tasks/examples.ts";
import { refusalOf } from "../core/refusal.ts";
import { runTask, taskCall } from "./calls.ts";

const noop = defineTask({ name: "noop", run: (_ctx, ..._args: unknown[]) => null });
const parameters = z.object({ path: z.string().min(1), depth: z.int().max(9).default(3) });
const walk = defineWorkflow({
  name: "walk",
  description: "Walks.",
  parameters,
  canvas: ({ path, depth }) => noop.s(path, depth),
  timeout: 60,
});
const workflows = createWorkflows([
  walk,
  defineWorkflow({
    name: "dates",
    parameters: z.object({ day: z.string().transform((day) => new Date(day)) }),
    canvas: ({ day }) => noop.s(day.toISOString()),
  }),
  defineWorkflow({ name: "bug", parameters: z.object({}), canvas: () => JSON.parse("{") as never }),
  defineWorkflow({ name: "async", parameters: z.object({}), canvas: (async () => noop.s()) as never }),
]);

describe("workflows", () => {
  it("workflows are listed by name, with a schema of their fields", () => {
    expect(workflows.list().map((each) => each.name)).toEqual(["async", "bug", "dates", "walk"]);
    expect(workflows.list()[3]).toMatchObject({
      description: "Walks.",
      parametersSchema: {
        type: "object",
        required: ["path"],
        properties: { path: { type: "string", minLength: 1 }, depth: { default: 3 } },
      },
    });
    expect(workflows.list()[2]?.parametersSchema).toMatchObject({ properties: { day: { type: "string" } } });
  });
  it("a workflow starts with its fields completed", () => {
    expect(workflows.start("walk", { path: "/a", extra: 1 })).toEqual({
      canvas: noop.s("/a", 3).canvas,
      parameters: { path: "/a", depth: 3 },
      timeoutSeconds: 60,
    });
    expect(workflows.start("dates", { day: "2026-01-01" })).toEqual({
      canvas: noop.s("2026-01-01T00:00:00.000Z").canvas,
      parameters: { day: "2026-01-01" },
    });
  });
  it.each<[unknown, string]>([
    [undefined, ""],
    [null, ""],
    [[], ""],
    ["path", ""],
    [{}, "/path"],
    [{ path: "" }, "/path"],
    [{ path: "/a", depth: "3" }, "/depth"],
    [{ path: "/a", depth: 10 }, "/depth"],
    [{ path: "/a", x: 1n }, "/x"],
    [JSON.parse('{"path":"/a","__proto__":{"depth":1}}'), "/__proto__"],
  ])("a workflow refuses wrong fields: %o", (fields, field) => {
    expect(refusalOf(() => workflows.start("walk", fields))).toMatchObject({ code: "invalid_parameters", field });
  });
  it("an unknown workflow is answered with the nearest name", () => {
    expect(refusalOf(() => workflows.start("wlak", {})).details).toEqual({ workflow: "wlak", suggestion: "walk" });
    expect(refusalOf(() => workflows.start("Walk", {})).details["suggestion"]).toBe("walk");
    for (const name of ["something-else", "", "constructor", "x".repeat(1_000_000)]) {
      expect(refusalOf(() => workflows.start(name, {})).details["suggestion"]).toBeUndefined();
    }
  });
  it("a workflow that throws is a bug, not a wrong parameter", () => {
    expect(refusalOf(() => workflows.start("bug", {}))).toMatchObject({ code: "internal" });
    expect(refusalOf(() => workflows.start("async", {}))).toMatchObject({ code: "invalid_canvas" });
  });
  it("two workflows of one name are refused, and so is a malformed name or timeout", () => {
    const other = defineWorkflow({ name: "walk", parameters, canvas: () => noop.s() });
    expect(refusalOf(() => createWorkflows([walk, other]))).toMatchObject({ code: "invalid_request", field: "/name" });
    expect(refusalOf(() => defineWorkflow({ name: "a b", parameters, canvas: () => noop.s() }))).toMatchObject({
      code: "invalid_request",
      field: "/name",
    });
    expect(
      refusalOf(() => defineWorkflow({ name: "a", parameters, canvas: () => noop.s(), timeout: -1 })),
    ).toMatchObject({
      code: "invalid_request",
      field: "/timeout",
    });
  });
});

describe("loadTaskModule", () => {
  it("loadTaskModule collects tasks and workflows, each once, and ignores other exports", () => {
    expect(loadTaskModule({ noop, again: noop, walk, helper: () => 1, constant: 7, nothing: null })).toEqual({
      tasks: [noop],
      workflows: [walk],
    });
  });
  it("loadTaskModule refuses two tasks or workflows of one name", () => {
    const other = defineTask({ name: "noop", run: () => 1 });
    expect(refusalOf(() => loadTaskModule({ noop, other }))).toMatchObject({ code: "invalid_request", field: "/name" });
    expect(
      refusalOf(() =>
        loadTaskModule({ walk, other: defineWorkflow({ name: "walk", parameters, canvas: () => noop.s() }) }),
      ),
    ).toMatchObject({
      code: "invalid_request",
      field: "/name",
    });
  });
});

describe("the shipped examples", () => {
  const { tasks, workflows: shippedWorkflows } = loadTaskModule({ ...shipped });
  it("the shipped examples are these tasks and workflows", () => {
    expect(tasks.map((task) => task.name).toSorted()).toEqual([
      "fail",
      "math.add",
      "math.mul",
      "math.sum",
      "noop",
      "sleep",
      "wait-for",
    ]);
  });
  it("the shipped examples compute their values", async () => {
    const runner = createRunner(tasks);
    const value = async (task: string, ...args: never[]) => runner.run(taskCall(task, args));
    expect(await value("math.add", ...([2, 3] as never[]))).toMatchObject({ value: 5 });
    expect(await value("math.mul", ...([2, 3] as never[]))).toMatchObject({ value: 6 });
    expect(await value("math.sum", ...([[1, 2, 3]] as never[]))).toMatchObject({ value: 6 });
    expect(await value("noop", ...([1, "x"] as never[]))).toMatchObject({ value: null });
    expect(await value("math.add")).toMatchObject({ kind: "failed", error: { name: "TypeError" } });
  });
  it("the shipped task fail fails as its arguments say", async () => {
    expect(await runTask(shipped.fail)).toMatchObject({
      kind: "failed",
      error: { name: "TaskError", reason: "example" },
    });
    expect(await runTask(shipped.fail, [], { kwargs: { message: "x", retryable: false } })).toMatchObject({
      error: { message: "x", retryable: false },
    });
    await expect(shipped.fail.inline()).rejects.toBeInstanceOf(TaskError);
  });
  it("the shipped task sleep sleeps until it is stopped", async () => {
    expect(await runTask(shipped.sleep, [0])).toEqual({ kind: "success", value: 0 });
    const controller = new AbortController();
    const running = runTask(shipped.sleep, [900], { signal: controller.signal });
    controller.abort(new Error("stopped"));
    expect(await running).toMatchObject({ kind: "failed", error: { message: "stopped" } });
  });
  it("the shipped workflow sums sums, by default of ten", () => {
    const { canvas, parameters: understood } = createWorkflows(shippedWorkflows).start("example.sum-of-sums", {});
    expect(understood).toEqual({ n: 10 });
    expect(compileCanvas(canvas)).toMatchObject([{ members: { length: 10 } }, { task: "math.sum" }]);
    expect(createRegistry(tasks).info("math.sum")).toBeDefined();
  });
});
