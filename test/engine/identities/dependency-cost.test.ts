import { describe, expect, it } from "vitest";
import { type CanvasBuilder, defineTask } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

const base = defineTask({ name: "base", dedupe: "forever", run: (_ctx, label: string) => label });
const asks = defineTask({
  name: "asks",
  dedupe: "forever",
  run: async (ctx, label: string, n: number) => {
    const names = Array.from({ length: n }, (_, k) => `b${k}`);
    return (await Promise.all(names.map((name) => ctx.requireDependency(name, base.s(name))))).concat(label);
  },
});
const reads = defineTask({ name: "reads", dedupe: "forever", run: (ctx) => Object.keys(ctx.deps).length });
const dependsOn = (n: number) =>
  Object.fromEntries(Array.from({ length: n }, (_, k) => [`b${k}`, base.s(`b${k}`)] as const));

/** Handles one message after the other. Runs that end in the same moment may wake one twice, which costs a refused write. */
async function oneByOne(local: LocalEngine): Promise<void> {
  for (;;) {
    const [message] = await local.queue.receive(local.queues, 1, 30);
    if (!message) return;
    const { kind } = await local.passing(local.engine.handle(message, LocalEngine.loop));
    expect(kind).toBe("done");
    await local.queue.ack([message.id]);
  }
}
/** Runs a job to its end, and returns the write units of it all. */
async function spent(local: LocalEngine, canvas: CanvasBuilder): Promise<number> {
  const { writes } = countPorts(local);
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await oneByOne(local);
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  return Object.values(writes).reduce((sum, units) => sum + units, 0);
}
/** What a job of one shared run costs without any dependency. */
async function without(): Promise<number> {
  return spent(new LocalEngine([base]), base.s("x"));
}

describe("what dependencies cost", () => {
  it.each([1, 2, 4])("declared: %i edges, a deferral, one wake, and one item with the edges", async (n) => {
    const local = new LocalEngine([base, reads]);
    const total = await spent(local, reads.signature([], {}, { dependsOn: dependsOn(n) }));
    const identities = 3 * n;
    const [edges, deferral, wake, item] = [n, 1, 1, 1];
    expect(total - (await without()) - identities).toBe(edges + deferral + wake + item);
  });
  it("required: the attempt that asks has been claimed", async () => {
    const local = new LocalEngine([base, asks]);
    const total = await spent(local, asks.s("x", 1));
    const claim = 1;
    expect(total - (await without()) - 3).toBe(1 + 1 + 1 + 1 + claim);
  });
  it("of what is there: an edge each and the item, and nothing for the ends that are the same next time", async () => {
    const local = new LocalEngine([base, asks]);
    await spent(local, asks.s("x", 3));
    const other = await spent(local, asks.s("y", 3));
    expect(other - (await without())).toBe(3 + 1);
    // Another round of the same run with the same edges.
    local.clock.set(local.clock.now() + 1_000);
    const again = await spent(local, asks.signature(["y", 3], {}, { dedupe: 0.001 }));
    // Whoever begins a round offers the end before it to all who have waited for that: here to one run, in vain.
    const offered = 1;
    expect(again - (await without())).toBe(offered);
  });
  it("a plan says that dependencies are not counted", () => {
    const local = new LocalEngine([base, reads]);
    const { notes } = local.engine.estimate({ canvas: reads.signature([], {}, { dependsOn: dependsOn(2) }).canvas });
    expect(notes).toContainEqual(expect.stringContaining("runs of reads depend on others"));
  });
  it("a run without dependencies costs what it did", async () => {
    const local = new LocalEngine([base, reads]);
    expect(await spent(local, reads.s())).toBe(await without());
  });
  it("an outdated end that is verified costs its round, its edges and its end", async () => {
    const of = (version: number, on?: LocalEngine) => {
      const source = defineTask({ name: "source", version, dedupe: "forever", run: () => "equal" });
      const above = defineTask({
        name: "above",
        dedupe: "forever",
        run: (ctx) => ctx.requireDependency("source", source.s()),
      });
      return { local: new LocalEngine([source, above], {}, on ? { on } : {}), source, above };
    };
    const first = of(0);
    await spent(first.local, first.above.s());
    const second = of(1, first.local);
    // The source is made anew before: only the end above it is outdated then.
    await spent(second.local, second.source.s());
    const adopting = (await without()) - 3;
    // Whoever begins a round offers the end before it to the one run that had waited for that, in vain.
    const offered = 1;
    expect((await spent(second.local, second.above.s())) - adopting).toBe(3 + offered);
    expect((await spent(second.local, second.above.s())) - adopting).toBeLessThanOrEqual(0);
  });
});
