import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { add } from "../../functions/tasks/examples.ts";
import {
  createRunner,
  currentQueue,
  currentSite,
  defineTask,
  QueueName,
  type TaskContext,
} from "../../functions/sdk/index.ts";
import { refusalOf } from "../core/refusal.ts";
import { itemsOf, runTask, taskCall } from "./calls.ts";

const CALL = { site: "london", queue: "london.highpriority#custom" };
const here = () => {
  const { site, queue, function: kind } = QueueName.current();
  return { site: currentSite(), queue: currentQueue(), parts: { site, queue, function: kind } };
};
const HERE = { ...CALL, parts: { site: "london", queue: "highpriority", function: "custom" } };

describe("the site and the queue of the running task", () => {
  it.each<[string, (ctx: TaskContext) => unknown]>([
    ["at once", () => here()],
    [
      "after a wait",
      async () => {
        await pause(1);
        return here();
      },
    ],
    ["in a callback", () => new Promise((resolve) => setTimeout(() => resolve(here()), 1))],
    ["in what the task calls", async () => (await Promise.all([1].map(async () => here())))[0]],
  ])("NG-065 are known %s", async (_title, run) =>
    expect(await runTask(defineTask({ name: "t", run }), [], CALL)).toEqual({ kind: "success", value: HERE }),
  );
  it("NG-065 are known in a streaming task, whoever pulls it", async () => {
    const task = defineTask({
      name: "t",
      run: async function* () {
        yield add.s(1, 1).stamp({ site: currentSite() });
        return here();
      },
    });
    const items = itemsOf(await runTask(task, [], CALL));
    expect((await items.next()).value).toMatchObject({ canvas: { options: { stamps: { site: "london" } } } });
    expect((await items.next()).value).toEqual(HERE);
  });
  it("NG-065 are those of each of two tasks that run at once", async () => {
    const task = defineTask({
      name: "t",
      run: async (_ctx, ms: number) => {
        await pause(ms);
        return currentSite();
      },
    });
    const runner = createRunner([task]);
    const sites = await Promise.all([
      runner.run(taskCall("t", [4], { site: "oslo" })),
      runner.run(taskCall("t", [1], { site: "bergen" })),
    ]);
    expect(sites).toEqual([
      { kind: "success", value: "oslo" },
      { kind: "success", value: "bergen" },
    ]);
  });
  it("NG-065 are known to another copy of the module, as a folder of tasks with its own package may load", async () => {
    const again = "../../functions/sdk/current-task.ts?again";
    const copy = (await import(again)) as { readonly currentSite: typeof currentSite };
    expect(copy.currentSite).not.toBe(currentSite);
    const task = defineTask({ name: "t", run: () => copy.currentSite() });
    expect(await runTask(task, [], CALL)).toEqual({ kind: "success", value: "london" });
  });
  it.each([
    ["currentSite()", currentSite],
    ["currentQueue()", currentQueue],
    ["QueueName.current()", () => QueueName.current()],
  ])("NG-065 are unknown outside of a task: %s", (name, ask) => {
    expect(refusalOf(ask).code).toBe("outside_task");
    expect(ask).toThrow(name);
  });
});

describe("QueueName", () => {
  it("NG-063 NG-064 NG-066 NG-067 is read into three parts, and turned into text by helpers only", () => {
    const name = QueueName.parse("london.highpriority#custom");
    expect([name.site, name.queue, name.function]).toEqual(["london", "highpriority", "custom"]);
    expect([String(name), QueueName.format(name)]).toEqual([CALL.queue, CALL.queue]);
    expect(QueueName.format({ site: "oslo" })).toBe("oslo.default#worker");
  });
  it("NG-068 takes the parts that are left out from the defaults", () => {
    expect(String(QueueName.parse("bulk", { site: "oslo" }))).toBe("oslo.bulk#worker");
    expect(String(QueueName.parse("oslo.bulk"))).toBe("oslo.bulk#worker");
    expect(() => QueueName.parse("bulk")).toThrow("names no site");
    expect(refusalOf(() => QueueName.parse("bulk")).code).toBe("invalid_queue_name");
  });
  it.each(["", "a.b.c", "a b.c", ".x#worker", 5])("NG-071 refuses %j", (text) =>
    expect(refusalOf(() => QueueName.parse(text as string)).code).toBe("invalid_queue_name"),
  );
});
