import { beforeEach, describe, expect, it } from "vitest";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import {
  again,
  begin,
  calls,
  digest,
  extract,
  files,
  finish,
  identities,
  index,
  jobOf,
  later,
  local,
  needy,
  settings,
  sharedOf,
  show,
  submit,
  TASKS,
  times,
  use,
} from "./graph.ts";

beforeEach(begin);

describe("a dependency that ends otherwise", () => {
  it("S068 S069 S072 wakes its dependents only when its outcome has changed, and they theirs", async () => {
    const job = await finish(index.s("a"));
    await finish(again("a"));
    expect([times("extract a"), times("digest a"), times("index a")]).toEqual([2, 2, 2]);
    files["a"] = "A2";
    await finish(again("a"));
    expect((await sharedOf(job.jobId))?.value).toBe("index of digest of A2");
    // The second attempt is not deferred: everything is there.
    expect([times("extract a"), times("digest a"), times("index a")]).toEqual([3, 3, 3]);
    files["a"] = "broken";
    await finish(again("a"));
    expect(await sharedOf(job.jobId)).toMatchObject({ status: "broken", error: { reason: "unreadable" } });
    const before = calls.length;
    await finish(again("a"));
    expect(calls.slice(before)).toEqual(["extract a"]);
  });
  it("S071 heals what it had broken", async () => {
    files["a"] = "error";
    const job = await finish(show.signature(["x"], {}, { dependsOn: { a: extract.s("a") } }));
    files["a"] = "A";
    await finish(extract.s("a"));
    expect(await sharedOf(job.jobId)).toMatchObject({ status: "success", value: { a: "A" } });
  });
  it("S078 leaves nothing of the value before, when a run ends without one", async () => {
    const job = await finish(extract.s("a"));
    delete files["a"];
    later();
    const second = await finish(again("a"));
    expect(second.value ?? null).toBeNull();
    files["a"] = "broken";
    await finish(again("a"));
    expect(await sharedOf(job.jobId)).not.toHaveProperty("value");
  });
  it("compares large values by their content", async () => {
    files["a"] = "x".repeat(20_000);
    await finish(digest.s("a"));
    await finish(again("a"));
    expect(times("digest a")).toBe(2);
    files["a"] = "y".repeat(20_000);
    await finish(again("a"));
    expect(times("digest a")).toBe(3);
  });
  it("wakes page by page", async () => {
    use(TASKS, { subscribersPerMessage: 2 });
    const sides = ["1", "2", "3", "4", "5"].map((k) => show.signature([k], {}, { dependsOn: { a: extract.s("a") } }));
    expect(await finish(group(sides))).toMatchObject({ state: "success" });
    files["a"] = "A2";
    await finish(again("a"));
    expect(calls.filter((call) => call.startsWith("show"))).toHaveLength(10);
  });
  it("while its dependent runs, is seen by the dependent when that ends", async () => {
    await finish(extract.s("a"));
    let changed = false;
    const slow = defineTask({
      name: "slow",
      dedupe: "forever",
      run: async (ctx) => {
        const text = await ctx.requireDependency("text", extract.s("a"));
        if (!changed) {
          changed = true;
          files["a"] = "A2";
          await local.engine.submit({ canvas: again("a").canvas });
          for (let turn = 0; turn < 6; turn++) await local.turn();
        }
        return text;
      },
    });
    use([...TASKS, slow]);
    await finish(extract.s("a"));
    const job = await finish(slow.s());
    expect((await sharedOf(job.jobId))?.value).toBe("A2");
  });
});

describe("what a defect of the ancestor would show", () => {
  it("S017 nothing that a failing attempt has asked for or spawned counts", async () => {
    const failing = defineTask({
      name: "failing",
      run: (ctx) => {
        ctx.spawn([needy.s("a")]);
        throw new Error("after the spawn");
      },
    });
    use([...TASKS, failing]);
    expect(await finish(failing.s())).toMatchObject({ state: "failure" });
    expect(calls).toEqual([]);
  });
  it("S018 S073 S076 a message that overtakes a commit, a second parent and a second delivery run nothing twice", async () => {
    let sentAgain = false;
    settings.whileExtracting = async () => {
      if (sentAgain) return;
      sentAgain = true;
      // The dependents' messages come before the end of what they wait for.
      for (const gid of identities) {
        const body = { v: 1, kind: "members", gid, step: 0, members: [0] };
        await local.queue.send([{ queue: "local.default#worker", jobId: "x", body }]);
      }
    };
    const parents = ["1", "2"].map((k) => show.signature([k], {}, { dependsOn: { a: extract.s("a") } }));
    const job = await finish(group(parents));
    expect(job).toMatchObject({ state: "success" });
    expect(calls.toSorted()).toEqual(["extract a", "show 1", "show 2"]);
  });
  it("the cancel of one job at any moment changes nothing for another that shares a graph", async () => {
    for (let moment = 0; moment < 30; moment++) {
      calls.length = 0;
      use(TASKS);
      const first = await submit(index.s("a"));
      if (moment % 2 === 0) await local.turn();
      const second = await submit(index.s("a"));
      for (let turn = 0; turn < moment / 2; turn++) await local.turn();
      await local.engine.cancel(first);
      await local.untilQuiet();
      expect((await jobOf(second)).value).toBe("index of digest of A");
      expect(times("extract a")).toBe(1);
    }
  });
});
