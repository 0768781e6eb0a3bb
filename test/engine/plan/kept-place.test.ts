import { describe, expect, it } from "vitest";
import { chain, type CanvasSource, defineTask, group, type Task } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const QUEUES = [
  "local.default#worker",
  "paris.default#worker",
  "paris.high#custom",
  "paris.high#worker",
  "local.bulk#worker",
];
/** What a run was told of its place. */
const place = defineTask({ name: "place", run: (ctx, name: string) => void places.set(name, placeOf(ctx)) });
const bulky = defineTask({
  name: "bulky",
  queue: "bulk",
  run: (ctx, name: string) => void places.set(name, placeOf(ctx)),
});
const high = defineTask({
  name: "high",
  queue: "high",
  run: (ctx, name: string) => void places.set(name, placeOf(ctx)),
});
const places = new Map<string, string>();
function placeOf({ queue, priority }: { queue: string; priority: number | undefined }): string {
  return `${queue} ${priority ?? "-"}`;
}

async function placesOf(
  spawner: Task<[], unknown>,
  at: { readonly queue?: string; readonly priority?: number },
): Promise<Readonly<Record<string, string>>> {
  places.clear();
  const local = new LocalEngine([spawner, place, bulky, high], { queues: QUEUES }, { queues: ["engine", ...QUEUES] });
  await local.engine.submit({ canvas: spawner.s().set(at).canvas });
  await local.untilQuiet();
  return Object.fromEntries(places);
}
const spawnerOf = (children: readonly CanvasSource[], callback: CanvasSource): Task<[], unknown> =>
  defineTask({ name: "spawner", run: (ctx) => void ctx.spawnWithCallback(children, callback) });

describe("children and the callback of spawnWithCallback", () => {
  it("D013 D034 keep the site, the queue and the priority of their parent", async () => {
    const spawner = spawnerOf(
      [place.s("plain"), chain(place.s("first"), place.si("second")), group([place.s("inner")], { policy: "settled" })],
      place.si("callback"),
    );
    const there = "paris.high#custom 7";
    expect(await placesOf(spawner, { queue: "paris.high#custom", priority: 7 })).toEqual({
      plain: there,
      first: there,
      second: there,
      inner: there,
      callback: there,
    });
  });
  it("D013 D034 go where they or their tasks say, at the site of their parent where it has that queue", async () => {
    const spawner = spawnerOf(
      [
        place.s("named").set({ queue: "local.default" }),
        place.s("urgent").set({ priority: 9 }),
        place.s("usual").set({ queue: "default" }),
        high.s("task"),
        bulky.s("only here"),
      ],
      high.si("callback").set({ priority: 0 }),
    );
    expect(await placesOf(spawner, { queue: "paris.high#custom", priority: 2 })).toEqual({
      named: "local.default#worker 2",
      urgent: "paris.high#custom 9",
      usual: "paris.default#worker 2",
      task: "paris.high#worker 2",
      "only here": "local.bulk#worker 2",
      callback: "paris.high#worker 0",
    });
  });
  it("pass their place on to what they spawn themselves", async () => {
    const outer = defineTask({
      name: "spawner",
      run: (ctx) => void ctx.spawnWithCallback([inner.s()], place.si("outer callback")),
    });
    const inner = defineTask({
      name: "inner",
      run: (ctx) => void ctx.spawnWithCallback([place.s("grandchild")], place.si("inner callback")),
    });
    places.clear();
    const local = new LocalEngine([outer, inner, place], { queues: QUEUES }, { queues: ["engine", ...QUEUES] });
    await local.engine.submit({ canvas: outer.s().set({ queue: "paris.high#worker", priority: 8 }).canvas });
    await local.untilQuiet();
    expect([...places.values()]).toEqual(Array.from({ length: 3 }, () => "paris.high#worker 8"));
  });
  it("take no room in the plan while their parent is where they would be anyway", async () => {
    const stored = async (at: object): Promise<string> => {
      const spawner = spawnerOf([place.s("a")], place.si("b"));
      const local = new LocalEngine([spawner, place], {});
      const { jobId } = await local.engine.submit({ canvas: spawner.s().set(at).canvas });
      await local.untilQuiet();
      const page = await local.store.get(
        { table: "tasks", partition: `N#${jobId}.0!0.1`, sort: "!" },
        { consistent: true },
      );
      return page?.attributes["strands"] as string;
    };
    expect(await stored({})).not.toContain("options");
    expect(await stored({ priority: 3 })).toContain(`"options":{"priority":3}`);
  });
  it("are spawned by ctx.spawn as their signatures and tasks say, as before", async () => {
    const spawner = defineTask({ name: "spawner", run: (ctx) => void ctx.spawn(place.s("spawned")) });
    expect(await placesOf(spawner, { queue: "paris.high#custom", priority: 7 })).toEqual({
      spawned: "local.default#worker -",
    });
  });
});
