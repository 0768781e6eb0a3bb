import { expect, it } from "vitest";
import { parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import type { Canvas } from "../../../functions/core/canvas/canvas.ts";
import type { Json } from "../../../functions/core/json.ts";
import { defineTask } from "../../../functions/sdk/index.ts";
import { add, fail, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

/** Runs a canvas in wire form to its end. `log` is the input of its `log` tasks. */
async function runWire(wire: Json, more: { readonly headerErrors?: boolean } = {}) {
  const log: unknown[] = [];
  const note = defineTask({
    name: "note",
    run: (ctx, value: unknown) => {
      log.push([ctx.kwargs["tag"], value]);
      return value;
    },
  });
  const onError = defineTask({
    name: "onError",
    run: (ctx, request: { runId: string }, error: { name: string; runId: string }, trace: unknown) => {
      log.push([
        ctx.kwargs["tag"],
        error.name,
        request.runId.split(".").slice(1).join("."),
        error.runId.split(".").slice(1).join("."),
        typeof trace,
      ]);
    },
  });
  const local = new LocalEngine([add, sum, fail, note, onError], { width: 4 });
  const canvas: Canvas = parseCanvas(wire, more);
  const { jobId } = await local.engine.submit({ canvas });
  await local.untilQuiet();
  const job = await local.engine.job(jobId);
  return { local, job, log, jobId };
}
const sorted = (log: readonly unknown[]): unknown[] =>
  log.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
const a = (...args: number[]) => ({ task: "math.add", args });
const note = (tag: string, more: object = {}) => ({ task: "note", kwargs: { tag }, ...more });
const onError = (tag: string) => ({ task: "onError", kwargs: { tag } });

it("a link gets the value, and links of links get theirs", async () => {
  const { job, log } = await runWire({ ...a(2, 2), link: [{ ...a(4), link: [note("inner")] }, note("outer")] });
  expect(job).toMatchObject({ state: "success", value: 4, counts: { success: 4 }, countsExact: true });
  expect(sorted(log)).toEqual([
    ["inner", 8],
    ["outer", 4],
  ]);
});
it("a failing link changes nothing for its host", async () => {
  const { job } = await runWire({ ...a(1, 1), link: [{ task: "fail" }] });
  expect(job).toMatchObject({ state: "success", value: 2, counts: { success: 1, ignored: 1 } });
});
it("each step of a chain calls its own links, and the chain goes on at once", async () => {
  const { job, log } = await runWire({
    chain: [{ ...a(1, 1), link: [note("first")] }, { ...a(5), link: [note("second")] }, a(1)],
    link: [note("chain")],
  });
  expect(job).toMatchObject({ state: "success", value: 8, counts: { success: 6 } });
  expect(sorted(log)).toEqual([
    ["chain", 8],
    ["first", 2],
    ["second", 7],
  ]);
});
it("an error link gets the request, the error and the trace; success links stay silent", async () => {
  const { job, log } = await runWire({
    chain: [a(1, 1), { task: "fail", link: [note("no")] }, a(1)],
    link_error: [onError("E")],
  });
  expect(job).toMatchObject({ state: "failure" });
  expect(log).toEqual([["E", "TaskError", "0~1", "0~1", "string"]]);
});
it("each failing member of a group tells the group's error link", async () => {
  const { log } = await runWire({ group: [{ task: "fail" }, { task: "fail" }, a(1, 1)], link_error: [onError("E")] });
  expect(sorted(log.map((entry) => (entry as string[])[2]))).toEqual(["0.g.0", "0.g.1"]);
});
it("a failing header tells the error link of the body once, with the body's request, and names the run that failed first", async () => {
  const { job, log } = await runWire({
    chord: { header: [{ task: "fail" }, { task: "fail" }, a(1, 1)], body: { task: "math.sum" } },
    link_error: [onError("E")],
  });
  expect(job).toMatchObject({ state: "failure", error: { name: "TaskError" } });
  expect(log).toMatchObject([["E", "ChordError", "0~1", expect.stringMatching(/^0\.g\.[01]$/), "string"]]);
});
it("the request is that of the signature whose error link it is, also where groups stand in between", async () => {
  const chain: Json[] = [
    { group: [{ task: "fail" }, a(1, 1)] },
    { group: [a(1), a(2)] },
    { ...note("body"), options: { stamps: { order: 7 } } },
    a(1),
  ];
  const { log } = await runWire({ chain, link_error: [{ task: "note", kwargs: { tag: "E" } }] });
  expect(log).toMatchObject([
    [
      "E",
      {
        runId: expect.stringMatching(/\.0~2$/) as string,
        attempt: 0,
        task: "note",
        kwargs: { tag: "body" },
        stamps: { order: 7 },
      },
    ],
  ]);
  const last = await runWire({
    chain: [{ group: [{ task: "fail" }, a(1, 1)] }, { group: [{ ...a(1), link_error: [onError("E")] }, a(2)] }],
  });
  expect(last.log).toMatchObject([["E", "ChordError", "0~1", "0.g.0", "string"]]);
});
it("with the header flag each failing header member tells it too", async () => {
  const wire = {
    chord: { header: [{ task: "fail" }, a(1, 1), { task: "fail" }], body: { task: "math.sum" } },
    link_error: [onError("E")],
  };
  expect((await runWire(wire, { headerErrors: true })).log).toHaveLength(3);
});
it("links may be groups, chains and chords, and so may error links", async () => {
  const { log } = await runWire({
    ...a(2, 2),
    link: [
      { group: [note("g"), note("h")] },
      { chain: [a(1), note("c")] },
      { chord: { header: [a(1), a(2)], body: note("body") } },
    ],
  });
  expect(sorted(log)).toEqual([
    ["body", [5, 6]],
    ["c", 5],
    ["g", 4],
    ["h", 4],
  ]);
  const failed = await runWire({
    task: "fail",
    link_error: [{ group: [onError("x"), onError("y")] }, { chain: [onError("z"), note("after")] }],
  });
  expect(sorted(failed.log.map((entry) => (entry as string[])[0]))).toEqual(["after", "x", "y", "z"]);
});
it("callbacks are in the list of runs", async () => {
  const { local, jobId } = await runWire({
    chain: [
      { ...a(1, 1), link: [note("x")] },
      { task: "fail", link_error: [onError("E")] },
    ],
  });
  const ids = [];
  let cursor: string | undefined;
  do {
    const page = await local.engine.runs(jobId, { limit: 1, ...(cursor === undefined ? {} : { cursor }) });
    ids.push(...page.items.map(({ runId }) => runId.slice(jobId.length)));
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(ids).toEqual([".0", ".0.l.0", ".0~1", ".0~1.e.0"]);
});
it("a map is one run, and chunks are a group of starmaps", async () => {
  const map = await runWire({
    map: {
      task: "math.sum",
      it: [
        [1, 2],
        [3, 4],
      ],
    },
  });
  expect(map.job).toMatchObject({ state: "success", value: [3, 7], counts: { success: 1 } });
  const chunks = await runWire({
    chain: [
      {
        chunks: {
          task: "math.add",
          it: [
            [1, 1],
            [2, 2],
            [3, 3],
          ],
          n: 2,
        },
      },
      note("lists"),
    ],
  });
  expect(chunks.log).toEqual([["lists", [[2, 4], [6]]]]);
});
