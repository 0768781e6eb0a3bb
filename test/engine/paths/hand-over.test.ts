import { describe, expect, it } from "vitest";
import { parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import {
  definePathTask,
  FileActionStatus,
  type PathObject,
  type PathPayload,
  type PathState,
} from "../../../functions/paths/index.ts";
import { chain, chord, currentQueue, defineTask } from "../../../functions/sdk/index.ts";
import { runTask, TestEngine } from "../../../functions/testing/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** Ends each item in the state that its `state` names, else as processed. */
const act = definePathTask({
  name: "dynamo.custom.act",
  run: async (ctx, { jobid, paths }) => {
    const status = new FileActionStatus(ctx.task, paths, jobid, currentQueue());
    for (const { path, state = "processed" } of paths) status.add(state as PathState, path);
    return status.dump();
  },
});
const seen = defineTask({
  name: "seen",
  run: (_ctx, { jobid, paths, status }: PathPayload) => ({ jobid, paths, task: status.task, summary: status.summary }),
});
const fails = definePathTask({
  name: "fails",
  run: () => {
    throw new Error("the disk is gone");
  },
});
const tasks = { act, seen, fails };
const STATES: readonly PathObject[] = [
  { path: "/a", size: 1 },
  { path: "/b", state: "skipped" },
  { path: "/c", state: "failures" },
  { path: "/d", state: "aborted" },
  { path: "/e", state: "inprogress" },
];

async function ended(canvas: Parameters<LocalEngine["engine"]["submit"]>[0]["canvas"]) {
  const local = new LocalEngine(Object.values(tasks));
  const { jobId } = await local.engine.submit({ canvas });
  await local.untilQuiet();
  return { jobId, job: await local.engine.job(jobId), runs: (await local.engine.runs(jobId, {})).items };
}

describe("the next step", () => {
  it("NG-012 NG-013 receives what was processed or skipped, with its fields", async () => {
    const { jobId, job } = await ended(chain(act.s({ paths: STATES }), act.s(), seen.s()).canvas);
    expect(job).toMatchObject({
      value: {
        jobid: jobId,
        task: "dynamo.custom.act",
        paths: [
          { path: "/a", size: 1 },
          { path: "/b", state: "skipped" },
        ],
        summary: { failures: 0, processed: 1, skipped: 1 },
      },
    });
  });
  it("NG-012 receives the items of all members of a group, in their order", async () => {
    const header = [[STATES[1]], [STATES[2]], [STATES[0]]].map((paths) => act.s({ paths: paths as PathObject[] }));
    const { job } = await ended(chain(chord(header, act.s()), seen.s()).canvas);
    expect(job?.value).toMatchObject({ paths: [{ path: "/b" }, { path: "/a" }] });
  });
  it("NG-089 is skipped when nothing is handed over, and so are those after it", async () => {
    const paths = [{ path: "/c", state: "failures" }];
    const { runs } = await ended(chain(act.s({ paths }), act.s(), act.s()).canvas);
    expect(runs.map(({ status }) => status)).toEqual(["success", "skipped", "skipped"]);
  });
  it("NG-086 NG-088 does not run after a task that threw", async () => {
    const { runs, job } = await ended(chain(fails.s({ paths: STATES }), act.s()).canvas);
    expect(runs.map(({ task, status }) => [task, status])).toEqual([["fails", "error"]]);
    expect(job?.state).toBe("failure");
  });
  it("NG-007 of a canvas as JSON takes positional arguments and unknown keyword arguments", async () => {
    const canvas = parseCanvas({
      chain: [
        { task: "dynamo.custom.act", args: [1, "two"], kwargs: { paths: [{ path: "/a" }], since: 2031 } },
        { task: "seen" },
      ],
    });
    expect((await ended(canvas)).job?.value).toMatchObject({ paths: [{ path: "/a" }] });
  });
});

describe("a path task that is asked to stream and cannot", () => {
  it("NG-030 NG-038 is refused when its canvas is submitted", async () => {
    const local = new LocalEngine(Object.values(tasks));
    const { canvas } = chain(act.s({ paths: STATES }), act.s({ stream_results: true }));
    await expect(local.engine.submit({ canvas })).rejects.toMatchObject({
      code: "cannot_stream",
      details: { field: "/canvas/chain/1/kwargs/stream_results", task: "dynamo.custom.act" },
    });
  });
  it("NG-032 is accepted when it is asked not to", async () =>
    expect((await ended(act.s({ paths: STATES.slice(0, 2), stream_results: false }).canvas)).job?.state).toBe(
      "success",
    ));
});

describe("the test kit", () => {
  it("NG-012 runs path tasks with their site and queue, on its clock", async () => {
    const engine = new TestEngine({ tasks, now: Date.parse("2031-05-01T12:00:00Z") });
    const result = await engine.run(chain(act.s({ paths: [{ path: "/a" }] }), seen.s()));
    expect(result).toMatchObject({ paths: [{ path: "/a" }] });
    expect(await engine.run(act.s({ paths: [{ path: "/a" }] }))).toMatchObject({
      status: { started: "2031-05-01T12:00:00.000+00:00" },
    });
    expect(await runTask(act, [], { kwargs: { paths: [{ path: "/a" }] } })).toMatchObject({
      outcome: "success",
      value: { paths: [{ path: "/a" }] },
    });
  });
});
