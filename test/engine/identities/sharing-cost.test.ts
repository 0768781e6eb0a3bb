import { describe, expect, it } from "vitest";
import { type CanvasBuilder, chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { noop } from "../../../functions/tasks/examples.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

const hash = defineTask({ name: "hash", dedupe: "forever", run: (_ctx, file: number) => file });
const times = <Item>(n: number, make: (i: number) => Item): Item[] => Array.from({ length: n }, (_, i) => make(i));

/** Runs a job to its end, and returns the write units that it took, in all and by part. */
async function spent(local: LocalEngine, canvas: CanvasBuilder) {
  const counted = countPorts(local);
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success", countsExact: true });
  return { ...counted, total: Object.values(counted.writes).reduce((sum, units) => sum + units, 0) };
}

describe("what shared runs cost", () => {
  it.each([
    ["one shared run", hash.s(1)],
    ["a group of 10", group(times(10, (i) => hash.s(i)))],
    ["a chord of 70", chord(group(times(70, (i) => hash.s(i))), noop.s())],
  ])("a plan counts runs that are shared by nobody: %s", async (_name, canvas) => {
    const local = new LocalEngine([hash, noop]);
    const { writeUnits, messages, notes } = local.engine.estimate({ canvas: canvas.canvas });
    expect(notes).toEqual([expect.stringContaining("runs of hash may be shared") as string]);
    const { total: _total, ...writes } = writeUnits;
    const counted = await spent(local, canvas);
    expect({ writes: counted.writes, messages: counted.messages }).toEqual({ writes, messages: messages.byQueue });
  });
  it("an identity costs 3 write units, a reused end one and its mark", async () => {
    const n = 100;
    const local = new LocalEngine([hash, noop]);
    const first = await spent(local, group(times(n, (i) => hash.s(i))));
    // Created, claimed, committed.
    expect(first.writes.headers - 11).toBe(3 * n);
    // Each run of the job waits and ends.
    expect(first.writes.rows).toBe(2 * n);
    const second = await spent(local, group(times(n, (i) => hash.s(i))));
    expect(second.writes.headers).toBe(11);
    expect(second.writes.rows).toBe(n);
    expect(second.writes.ledger).toBeLessThanOrEqual(0.1 * n + 50);
  });
  it("many runs that wait for one identity are ended page by page", async () => {
    const n = 1_500;
    const local = new LocalEngine([hash, noop]);
    const { jobId } = await local.engine.submit({ canvas: group(times(n, () => hash.s(7))).canvas });
    const { messages } = countPorts(local);
    // The identity itself comes last, so that all members wait for it.
    const isIdentity = (body: unknown): boolean => (body as { gid: string }).gid.startsWith("~");
    const handle = local.engine.handle.bind(local.engine);
    let held = true;
    Object.assign(local.engine, {
      handle: (...[message, loop]: Parameters<typeof handle>) =>
        held && isIdentity(message.body)
          ? Promise.resolve({ kind: "later" as const, delaySeconds: 1 })
          : handle(message, loop),
    });
    for (let turn = 0; turn < 40; turn++) await local.turn();
    expect((await local.engine.runs(jobId, { status: "deferred", limit: 1_000 })).items.length).toBe(1_000);
    const before = messages["engine"] ?? 0;
    held = false;
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: n } });
    expect((messages["engine"] ?? 0) - before).toBeLessThanOrEqual(Math.ceil(n / 128));
  });
  it("runs of one leaf that wait for one identity are marked together", async () => {
    const n = 256;
    const local = new LocalEngine([hash, noop], { subscribersPerMessage: 128 });
    const { writes } = await spent(local, group(times(n, () => hash.s(7))));
    // A subscription, a wait and an end each; the marks are a few writes.
    expect(writes.rows).toBe(2 * n);
    expect(writes.ledger + writes.jobs).toBeLessThan(1.2 * n);
    // Ten messages are handled at once, and each tries to create it.
    expect(writes.headers - 11).toBeLessThan(3 + 10);
  });
  it("identities that ten jobs share cost 3 write units each, and 3, a mark and its progress for each subscriber", async () => {
    const [n, jobs] = [100, 10];
    const local = new LocalEngine([hash, noop]);
    const handle = local.engine.handle.bind(local.engine);
    // The identities come last, so that every member of every job waits for its own.
    let held = true;
    Object.assign(local.engine, {
      handle: (...[message, loop]: Parameters<typeof handle>) =>
        held && (message.body as { readonly gid?: string }).gid?.startsWith("~")
          ? Promise.resolve({ kind: "later" as const, delaySeconds: 60 })
          : handle(message, loop),
    });
    const { writes } = countPorts(local);
    const ids: string[] = [];
    for (let job = 0; job < jobs; job++) {
      ids.push((await local.engine.submit({ canvas: group(times(n, (i) => hash.s(i))).canvas })).jobId);
      for (let idle = 0; idle < 3;) idle = (await local.turn()) ? 0 : idle + 1;
    }
    const waiting = await Promise.all(
      ids.map((jobId) => local.engine.runs(jobId, { status: "deferred", limit: 1_000 })),
    );
    expect(waiting.map(({ items }) => items.length)).toEqual(times(jobs, () => n));
    held = false;
    await local.untilQuiet();
    for (const jobId of ids)
      expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: n } });
    const total = Object.values(writes).reduce((sum, units) => sum + units, 0);
    const ofJobs = 11 * jobs;
    expect((writes.headers - ofJobs) / n).toBeLessThanOrEqual(3.1);
    // A subscription, a wait and an end. Each identity ends alone here, so no mark is shared, and no note of progress.
    const [subscriber, mark, progress, ofEachJob] = [3, 1, 1, 15];
    expect(total - writes.headers).toBeLessThanOrEqual((subscriber + mark + progress) * n * jobs + ofEachJob * jobs);
  });
});
