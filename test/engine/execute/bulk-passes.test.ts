import { describe, expect, it } from "vitest";
import { group } from "../../../functions/sdk/index.ts";
import { type Definition, index, open, texts } from "./bulk-task.ts";

describe("the hooks of a bulk task", () => {
  function hooked(more: Definition = {}) {
    const noted: string[] = [];
    const { task } = index({
      bulk: { maxItems: 4, maxSeconds: 2 },
      run: (_ctx, runs) => {
        noted.push(`call ${runs.length}`);
        if (runs.some(({ args: [text] }) => text === "poison")) throw new Error("refused");
        return runs.map(() => ({ value: null }));
      },
      beforePass: ({ queue }) => void noted.push(`before ${queue}`),
      afterPass: () => void noted.push("after"),
      ...more,
    });
    return { task, noted };
  }
  const BEFORE = "before local.default#worker";

  it("S134 run once around all calls of a pass, also when one fails", async () => {
    const { task, noted } = hooked();
    const local = open([task]);
    const names = [...texts(5), "poison"];
    const { jobId } = await local.engine.submit({ canvas: group(names.map((name) => task.si(name))).canvas });
    await local.untilQuiet();
    expect(noted[0]).toBe(BEFORE);
    expect(noted.at(-1)).toBe("after");
    expect(noted.filter((each) => !each.startsWith("call"))).toEqual([BEFORE, "after"]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure" });
    expect(await local.store.query("tasks", "BP")).toMatchObject({ items: [] });
  });
  it("let nothing be called while `beforePass` throws", async () => {
    let ready = false;
    const { task, noted } = hooked({
      beforePass: () => {
        noted.push("before");
        if (!ready) throw new Error("not now");
      },
    });
    const local = open([task]);
    await local.engine.submit({ canvas: task.si("x").canvas });
    await expect(local.untilQuiet()).rejects.toThrow("not now");
    expect(noted).toEqual(["before"]);
    ready = true;
    await local.untilQuiet();
    expect(noted).toEqual(["before", "before", "call 1", "after"]);
  });
  it("are owed by the sweeper when the message of the end is lost", async () => {
    const { task, noted } = hooked();
    const local = open([task]);
    await local.engine.submit({ canvas: task.si("x").canvas });
    const send = local.queue.send.bind(local.queue);
    const kindOf = ({ body }: { body: unknown }): string => (body as { kind: string }).kind;
    local.queue.send = (messages) => send(messages.filter((message) => kindOf(message) !== "pass"));
    await local.untilQuiet();
    expect(noted).toEqual([BEFORE, "call 1"]);
    local.queue.send = send;
    local.clock.set(local.clock.now() + 60_000);
    await local.engine.sweep();
    await local.untilQuiet();
    expect(noted).toEqual([BEFORE, "call 1", "after"]);
  });
  it("take `afterPass` up again after it has thrown, and calls go on meanwhile", async () => {
    let fails = true;
    const { task, noted } = hooked({
      afterPass: () => {
        noted.push("after");
        if (fails) throw new Error("not yet");
      },
    });
    const local = open([task]);
    await local.engine.submit({ canvas: task.si("x").canvas });
    await expect(local.untilQuiet()).rejects.toThrow("not yet");
    await local.engine.submit({ canvas: task.si("y").canvas });
    fails = false;
    await local.untilQuiet();
    expect(noted.filter((each) => each === BEFORE)).toHaveLength(1);
    expect(noted.slice(-2)).toEqual(["call 1", "after"]);
  });
});
