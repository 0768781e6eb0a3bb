import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { TASK_METRICS, taskGroup } from "../../../functions/core/names/task-metrics.ts";
import type { WorkerLoop } from "../../../functions/engine/worker-loop.ts";
import { type CanvasBuilder, defineTask, group, TaskBroken } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const shared = defineTask({ name: "files.extract", dedupe: "forever", run: (_ctx, file: string) => file });
const asks = defineTask({
  name: "files.digest",
  run: async (ctx, file: string) => ctx.requireDependency("text", shared.s(file)),
});
const declares = defineTask({ name: "show", dedupe: "forever", run: (ctx) => Object.keys(ctx.deps) });
const good = defineTask({ name: "good", queue: "paris.video", run: () => 1 });
const bad = defineTask({
  name: "bad",
  retry: { maxAttempts: 2 },
  run: () => {
    throw new Error("no");
  },
});
const broken = defineTask({
  name: "broken",
  run: () => {
    throw new TaskBroken("never");
  },
});
const skips = defineTask({ name: "skips", run: (ctx) => ctx.skip() });
let hang = true;
const hangs = defineTask({ name: "hangs", run: () => (hang ? new Promise<void>(() => undefined) : undefined) });
const waits = defineTask({ name: "waits", run: (ctx) => ctx.waitForEvent("go") });

const QUEUES = ["engine", "local.default#worker", "paris.video#worker"];
function start(): { local: LocalEngine; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const watch = {
    counted: (metric: string, task: string, site: string, by: number) => {
      const key = `${metric} ${task} ${site}`;
      counts.set(key, (counts.get(key) ?? 0) + by);
    },
    repaired: () => undefined,
    gaveUp: () => undefined,
    runsFailed: () => undefined,
    jobEnded: () => undefined,
  };
  const tasks = [shared, asks, declares, good, bad, broken, skips, hangs, waits];
  const local = new LocalEngine(tasks, {}, { queues: QUEUES, around: (ports) => ({ ...ports, watch }) });
  return { local, counts };
}
const submit = async ({ engine }: LocalEngine, canvas: CanvasBuilder): Promise<string> =>
  (await engine.submit({ canvas: canvas.canvas })).jobId;

it("U10 counts of tasks have the names of a closed list, and each of them is counted by task and site", async () => {
  const { local, counts } = start();
  await submit(local, group([good.s(), bad.s(), broken.s(), skips.s()], { policy: "settled" }));
  await local.untilQuiet();
  await submit(local, shared.s("a"));
  await local.untilQuiet();
  await submit(local, shared.s("a"));
  await submit(local, asks.s("b"));
  await submit(local, declares.signature([], {}, { dependsOn: { c: shared.s("c") } as never }));
  await local.untilQuiet();
  const waiting = await submit(local, waits.s());
  await local.turn();
  await local.engine.revoke(`${waiting}.0`);
  await local.untilQuiet();

  hang = true;
  await submit(local, hangs.s());
  const [message] = await local.queue.receive([QUEUES[1] as string], 1, 1);
  const dead: WorkerLoop = LocalEngine.loop;
  void local.engine.handle(message!, dead);
  await new Promise((resolve) => setTimeout(resolve, 20));
  hang = false;
  local.clock.advance(600_000);
  await local.engine.sweep({});
  await local.untilQuiet();

  const names = new Set([...counts.keys()].map((key) => key.split(" ")[0]));
  expect(names).toEqual(new Set(Object.keys(TASK_METRICS)));
  expect(Object.fromEntries(counts)).toMatchObject({
    "run_started good paris": 1,
    "run_success good paris": 1,
    "run_started bad local": 2,
    "run_retried bad local": 1,
    "run_error bad local": 1,
    "run_broken broken local": 1,
    "run_skipped skips local": 1,
    "run_cancelled waits local": 1,
    "identity_reused files.extract local": 1,
    "dependency_missing files.digest local": 1,
    "dependency_extra files.digest local": 2,
    "task_killed hangs local": 1,
    "lease_taken_over hangs local": 1,
    "run_started hangs local": 2,
    "run_success hangs local": 1,
  });
});

it("U10 the page names every metric with what it says, and no other one", () => {
  const page = readFileSync(new URL("../../../docs/guide-operate.md", import.meta.url), "utf8");
  const named = [
    ...page
      .slice(page.indexOf("## Metrics"))
      .matchAll(/^\| `((?:run|task|lease|identity|dependency)_[a-z_]+)` \| (.+) \|$/gm),
  ];
  expect(named.map(([, name, says]) => [name, says])).toEqual(Object.entries(TASK_METRICS));
});

it("the group of a task is its name before the first dot", () => {
  expect([taskGroup("acme.video.encode"), taskGroup("encode")]).toEqual(["acme", "encode"]);
});
