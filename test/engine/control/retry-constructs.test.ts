import { describe, expect, it } from "vitest";
import {
  type CanvasBuilder,
  chain,
  chord,
  group,
  type GroupOptions,
  repeat,
  waitForEvent,
  when,
} from "../../../functions/sdk/index.ts";
import { Plant } from "../plant.ts";
import { untilIdle } from "../scripted-faults.ts";

/** One construct of docs/guide-canvas.md: what breaks, and how often each function has run once its retry is over. */
interface Construct {
  readonly of: string;
  readonly canvas: (plant: Plant) => CanvasBuilder;
  readonly broken: string;
  readonly runs: Readonly<Record<string, number>>;
}
const grouped = ({ work }: Plant, names: string, options: GroupOptions) =>
  group(
    names.split("").map((name) => work.s(name)),
    options,
  );
const CONSTRUCTS: readonly Construct[] = [
  {
    of: "a step that starts later",
    canvas: ({ work, next }) => chain(work.s("a"), next.s("b").set({ countdown: 30 })),
    broken: "b",
    runs: { a: 1, b: 2 },
  },
  {
    of: "a pipe",
    canvas: ({ work, next }) => work.s("a").pipe(next.s("b")).pipe(next.s("c")),
    broken: "c",
    runs: { a: 1, b: 1, c: 2 },
  },
  {
    of: "a group in a chain",
    canvas: ({ work, next, join }) => chain(work.s("a"), group([next.s("b"), next.s("c")]), join.s()),
    broken: "c",
    runs: { a: 1, b: 1, c: 2, join: 1 },
  },
  {
    of: "a group over its threshold",
    canvas: (plant) => chord(grouped(plant, "abc", { policy: { threshold: 1 } }), plant.join.s()),
    broken: "a b",
    runs: { a: 2, b: 2, c: 1, join: 1 },
  },
  {
    of: "a group below its threshold, and its body",
    canvas: (plant) => chord(grouped(plant, "abc", { policy: { threshold: 1 } }), plant.join.s()),
    broken: "a",
    runs: { a: 2, b: 1, c: 1, join: 2 },
  },
  {
    of: "a group over its percentage",
    canvas: (plant) => chord(grouped(plant, "abcd", { policy: { percent: 50 } }), plant.join.s()),
    broken: "a b d",
    runs: { a: 2, b: 2, c: 1, d: 2, join: 1 },
  },
  {
    of: "a staggered group",
    canvas: ({ work }) => group([work.s("a"), work.s("b")]).skew({ start: 1, step: 10 }),
    broken: "b",
    runs: { a: 1, b: 2 },
  },
  {
    of: "the body of a chord",
    canvas: ({ work, join }) => chord([work.s("a"), work.s("b")], join.s()),
    broken: "join",
    runs: { a: 1, b: 1, join: 2 },
  },
  {
    of: "a step after a chord",
    canvas: ({ work, join, next }) => chain(chord([work.s("a"), work.s("b")], join.s()), next.s("c")),
    broken: "c",
    runs: { a: 1, b: 1, join: 1, c: 2 },
  },
  { of: "a map, which is one run", canvas: ({ work }) => work.map(["a", "b"]), broken: "b", runs: { a: 2, b: 2 } },
  {
    of: "a starmap, which is one run",
    canvas: ({ next }) =>
      next.starmap([
        ["x", "a"],
        ["y", "b"],
      ]),
    broken: "b",
    runs: { a: 2, b: 2 },
  },
  {
    of: "chunks, one of which failed",
    canvas: ({ work }) => work.chunks([["a"], ["b"], ["c"]], 2),
    broken: "c",
    runs: { a: 1, b: 1, c: 2 },
  },
  {
    of: "a step after one with a link",
    canvas: ({ work, note, next }) => chain(work.s("a").link(note.s()), next.s("b")),
    broken: "b",
    runs: { a: 1, note: 1, b: 2 },
  },
  {
    of: "a chain with an error link",
    canvas: ({ work, next, note }) => chain(work.s("a"), next.s("b")).linkError(note.s()),
    broken: "b",
    runs: { a: 1, b: 2, note: 1 },
  },
  {
    of: "a chord with an error link, told of its header and of its body",
    canvas: ({ work, join, note }) =>
      chord([work.s("a"), work.s("b")], join.s()).linkError(note.s(), { headerErrors: true }),
    broken: "b",
    runs: { a: 1, b: 2, join: 1, note: 2 },
  },
  {
    of: "children with a callback",
    canvas: ({ thenJoin }) => thenJoin.s("a", "b"),
    broken: "b",
    runs: { thenJoin: 1, a: 1, b: 2, join: 1 },
  },
  {
    of: "the callback of children",
    canvas: ({ thenJoin }) => thenJoin.s("a", "b"),
    broken: "join",
    runs: { thenJoin: 1, a: 1, b: 1, join: 2 },
  },
  { of: "a task that asks for another attempt", canvas: ({ again }) => again.s("a"), broken: "a", runs: { a: 2 } },
  {
    of: "a branch that was not taken first",
    canvas: ({ work, next }) =>
      chain(work.s("a"), when({ is: "eq", value: "x" }, next.s("yes"), next.s("no")), next.s("b")),
    broken: "no",
    runs: { a: 1, no: 2, b: 1 },
  },
  {
    of: "what follows a loop",
    canvas: ({ work, next }) => chain(repeat(work.si("a"), { until: { is: "eq", value: "a" }, most: 3 }), next.s("b")),
    broken: "b",
    runs: { a: 1, b: 2 },
  },
];

describe("a retry of one part of", () => {
  it.each(CONSTRUCTS)("$of gives the value that it would have had", async ({ canvas, broken, runs }) => {
    const sound = new Plant();
    const wanted = await sound.fails(canvas(sound));
    expect(wanted).toMatchObject({ state: "success" });
    const plant = new Plant();
    expect(await plant.fails(canvas(plant), ...broken.split(" "))).toMatchObject({
      state: "failure",
    });
    const retried = await plant.retried();
    expect(retried).toMatchObject({ state: "success", round: 1, countsExact: true });
    expect(retried.value).toEqual(wanted.value);
    expect(await plant.values()).toEqual(await sound.values());
    expect(plant.runs).toEqual(runs);
  });

  it("a wait for an event that expired waits again, for the event that is sent then", async () => {
    const plant = new Plant();
    const canvas = chain(plant.work.s("a"), waitForEvent<string>("paid", { expires: 60 }), plant.next.s("b"));
    await plant.fails(canvas);
    plant.local.clock.advance(120_000);
    await plant.local.engine.sweep();
    expect(await plant.ends()).toMatchObject({ state: "failure", error: { reason: "expired" } });
    await plant.retried();
    await plant.local.engine.sendEvent(plant.jobId, "paid", "yes");
    expect(await plant.ends()).toMatchObject({ state: "success", value: ["yes", "b"] });
    expect(plant.runs).toEqual({ a: 1, b: 1 });
  });

  it("a task whose event timed out waits again, and goes on with the event that is sent then", async () => {
    const plant = new Plant();
    await plant.fails(chain(plant.awaits.s("paid"), plant.next.s("b")));
    plant.local.clock.advance(120_000);
    await plant.local.engine.sweep();
    expect(await plant.ends()).toMatchObject({ state: "failure", error: { reason: "event_timeout" } });
    const { awaits = 0 } = plant.runs;
    await plant.local.engine.retry(plant.jobId, {});
    await untilIdle(plant.local);
    await plant.local.engine.sendEvent(plant.jobId, "paid", "yes");
    expect(await plant.ends()).toMatchObject({ state: "success", value: ["yes", "b"] });
    expect(plant.runs).toEqual({ awaits: awaits + 2, b: 1 });
  });

  it("a stamped group takes the runs with the stamp, and a later retry the others", async () => {
    const plant = new Plant();
    const stamped = (name: string, team: string) => plant.work.s(name).stamp({ team });
    await plant.fails(group([stamped("a", "blue"), stamped("b", "red"), plant.work.s("c")]), "a", "b");
    expect(await plant.retried({ filter: { stamps: { team: ["blue"] } } })).toMatchObject({ state: "failure" });
    expect(plant.runs).toEqual({ a: 2, b: 1, c: 1 });
    expect(await plant.retried()).toMatchObject({ state: "success", round: 2, counts: { success: 3 } });
    expect(plant.runs).toEqual({ a: 2, b: 2, c: 1 });
  });
});
