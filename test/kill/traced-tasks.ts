import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import {
  chain,
  defineTask,
  defineWorkflow,
  type AnyTask,
  type StreamYield,
  type TaskContext,
} from "../../functions/sdk/index.ts";
import type { TaskSettings } from "../../functions/sdk/task-settings.ts";
import { inventoryDigest, inventoryReport, inventoryWalk } from "../../functions/tasks/inventory/index.ts";

/**
 * The tasks of the inventory, changed in three ways. Each attempt writes a line to a file when it begins, which no
 * engine can undo. The walk is slowed down, so one run outlasts any number of kills. The report can be held before it
 * ends, so it can be killed too.
 */
const trace = process.env["FANFOLD_KILL_TRACE"] ?? "";
const paceMs = Number(process.env["FANFOLD_KILL_PACE_MS"] ?? 0);
const holdsReport = process.env["FANFOLD_KILL_HOLD"] === "yes";
const filesPerChunk = Number(process.env["FANFOLD_KILL_CHUNK"] ?? 2);
/** Paces that a digest takes: enough that several digests are always in progress. */
const DIGEST_PACES = 8;
/** Milliseconds of a held report, which no test waits out. */
const HOLD_MS = 3_600_000;

function begin({ runId, attempt }: Pick<TaskContext, "runId" | "attempt">, { name }: AnyTask): void {
  if (trace !== "") appendFileSync(trace, `${runId} ${attempt} ${name}\n`);
}
function settingsOf({ info: { name, version, retry, timeoutSeconds, streamsResults } }: AnyTask): TaskSettings {
  return { name, version, retry, timeout: timeoutSeconds, streamsResults };
}

export const walk = defineTask({
  ...settingsOf(inventoryWalk),
  run: async function* (ctx, ...args: unknown[]) {
    begin(ctx, inventoryWalk);
    for await (const item of inventoryWalk.definition.run(ctx, ...args) as AsyncIterable<StreamYield>) {
      if (paceMs > 0) await pause(paceMs, undefined, { signal: ctx.signal });
      yield item;
    }
  },
});
export const digest = defineTask({
  ...settingsOf(inventoryDigest),
  run: async (ctx, ...args: unknown[]) => {
    begin(ctx, inventoryDigest);
    if (paceMs > 0) await pause(DIGEST_PACES * paceMs, undefined, { signal: ctx.signal });
    return inventoryDigest.definition.run(ctx, ...args);
  },
});
export const report = defineTask({
  ...settingsOf(inventoryReport),
  run: async (ctx, ...args: unknown[]) => {
    begin(ctx, inventoryReport);
    const value = await inventoryReport.definition.run(ctx, ...args);
    if (holdsReport) await pause(HOLD_MS, undefined, { signal: ctx.signal });
    return value;
  },
});
export const inventory = defineWorkflow({
  name: "inventory",
  parameters: z.strictObject({ folder: z.string(), state: z.string().nullable().default(null) }),
  canvas: ({ folder, state }) => chain(inventoryWalk.s(folder, filesPerChunk, state), inventoryReport.s(folder)),
});
