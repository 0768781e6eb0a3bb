import type { Json } from "../../../functions/core/json.ts";
import type { EngineConfig } from "../../../functions/engine/config.ts";
import type { RunView } from "../../../functions/engine/contract.ts";
import type { AnyTask } from "../../../functions/sdk/any-task.ts";
import { canvasOf } from "../../../functions/sdk/canvas-builder.ts";
import { type CanvasSource, defineTask, TaskBroken } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** Tasks that depend on each other, and the engine that runs them. */
/** What code was called. */
export const calls: string[] = [];
/** What the files contain: `broken` and `error` say how their extraction ends. */
export const files: { [name: string]: string } = {};
/** What the digest of a file asks for, and what happens while a file is extracted. */
export const settings: {
  asksFor: (file: string) => readonly string[];
  whileExtracting: ((file: string) => Promise<void>) | undefined;
} = { asksFor: (file) => [file], whileExtracting: undefined };

export const extract = defineTask({
  name: "extract",
  dedupe: "forever",
  run: async (_ctx, file: string): Promise<string | null> => {
    calls.push(`extract ${file}`);
    await settings.whileExtracting?.(file);
    const content = files[file];
    if (content === "broken") throw new TaskBroken("cannot be read", "unreadable");
    if (content === "error") throw new Error("disk failed");
    return content ?? null;
  },
});
/** Declares nothing: it asks for what it needs. */
export const digest = defineTask({
  name: "digest",
  dedupe: "forever",
  run: async (ctx, file: string) => {
    calls.push(`digest ${file}`);
    const texts = await Promise.all(
      settings.asksFor(file).map((each) => ctx.requireDependency("text", extract.s(each))),
    );
    return `digest of ${texts.join()}`;
  },
});
export const index = defineTask({
  name: "index",
  dedupe: "forever",
  run: async (ctx, file: string) => {
    calls.push(`index ${file}`);
    return `index of ${String(await ctx.requireDependency("digest", digest.s(file)))}`;
  },
});
export const show = defineTask({
  name: "show",
  dedupe: "forever",
  run: (ctx, label: string) => {
    calls.push(`show ${label}`);
    return Object.fromEntries(
      Object.entries(ctx.deps).map(([name, value]): [string, Json] => [
        name,
        value instanceof TaskBroken ? { broken: value.reason ?? null, message: value.message } : value,
      ]),
    );
  },
});
export const tolerant = defineTask({
  name: "tolerant",
  dedupe: "forever",
  run: async (ctx, file: string, how: "catch" | "return") => {
    if (how === "return") {
      const found = await ctx.requireDependency("text", extract.s(file), { returnError: true });
      return found instanceof TaskBroken ? (found.reason ?? "?") : found;
    }
    try {
      return await ctx.requireDependency("text", extract.s(file));
    } catch (error) {
      if (!(error instanceof TaskBroken)) throw error;
      return `caught ${error.reason}`;
    }
  },
});
export const needy = defineTask({
  name: "needy",
  run: async (ctx, file: string) => {
    calls.push(`needy ${ctx.attempt}`);
    return ctx.requireDependency("text", extract.s(file));
  },
});
export const remover = defineTask({
  name: "remover",
  dedupe: "forever",
  run: (ctx) => {
    calls.push(`remover ${Object.keys(ctx.deps).join()}`);
    ctx.removeDependency("never");
    ctx.removeDependency("b");
    return Object.keys(ctx.deps);
  },
});
export const TASKS: readonly AnyTask[] = [extract, digest, index, show, tolerant, needy, remover];

/** Ids of all identities that were sent. */
export const identities = new Set<string>();
function engineOf(tasks: readonly AnyTask[], config: Partial<EngineConfig> = {}): LocalEngine {
  identities.clear();
  const made = new LocalEngine(tasks, config);
  const send = made.queue.send.bind(made.queue);
  made.queue.send = (messages) => {
    for (const { body } of messages) {
      const { gid = "" } = body as { readonly gid?: string };
      if (/^~\w+$/.test(gid)) identities.add(gid);
    }
    return send(messages);
  };
  return made;
}
export const allShared = () => Promise.all([...identities].map((gid) => local.engine.run(`${gid}.0`)));

/** The engine of the present test. */
export let local: LocalEngine;
export function use(tasks: readonly AnyTask[], config: Partial<EngineConfig> = {}): void {
  local = engineOf(tasks, config);
}
export function begin(): void {
  calls.length = 0;
  for (const name of Object.keys(files)) delete files[name];
  Object.assign(files, { a: "A", b: "B" });
  Object.assign(settings, { asksFor: (file: string) => [file], whileExtracting: undefined });
  use(TASKS);
}
export async function submit(canvas: CanvasSource): Promise<string> {
  return (await local.engine.submit({ canvas: canvasOf(canvas) })).jobId;
}
export async function jobOf(jobId: string) {
  return (await local.engine.job(jobId)) as NonNullable<Awaited<ReturnType<LocalEngine["engine"]["job"]>>>;
}
export async function finish(canvas: CanvasSource) {
  const jobId = await submit(canvas);
  await local.untilQuiet();
  return jobOf(jobId);
}
export async function sharedOf(jobId: string): Promise<RunView | undefined> {
  const [run] = (await local.engine.runs(jobId, {})).items;
  return local.engine.run(run?.adopts?.runId ?? "");
}
/** Runs an extraction again, as somebody does who takes no end that is there. */
export const again = (file: string) => {
  later();
  return extract.signature([file], {}, { dedupe: 0.001 });
};
export function later(): void {
  local.clock.set(local.clock.now() + 1_000);
}
export const times = (what: string): number => calls.filter((call) => call === what).length;
