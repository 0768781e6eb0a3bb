import type { EngineConfig } from "../../../functions/engine/config.ts";
import {
  type AnyTask,
  type BulkRun,
  type BulkTaskDefinition,
  defineTask,
  TaskError,
} from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

export type Text = readonly [text: string];
export type Definition = Partial<BulkTaskDefinition<Text, unknown, undefined>>;
export const CONFIG = { width: 8, headerCacheMs: 0, pauseCacheMs: 0, inPlaceSteps: 0 };

/** A bulk task that notes the texts of each of its calls. A call with `poison` in it throws. */
export function index(more: Definition = {}) {
  const calls: string[][] = [];
  const task = defineTask({
    name: "index",
    bulk: { maxSeconds: 5 },
    run: (_ctx: unknown, runs: readonly BulkRun<Text>[]) => {
      const texts = runs.map(({ args: [text] }) => text);
      calls.push(texts);
      if (texts.some((text) => text.startsWith("poison"))) throw new TaskError("refused", { reason: "poison" });
      return runs.map(({ args: [text] }) => ({ value: text.toUpperCase() }));
    },
    ...more,
  });
  return { task, calls };
}
export const open = (tasks: readonly AnyTask[], config: Partial<EngineConfig> = {}): LocalEngine =>
  new LocalEngine(tasks, { ...CONFIG, ...config });
export const texts = (count: number, name = "t"): string[] => Array.from({ length: count }, (_, k) => `${name}${k}`);
