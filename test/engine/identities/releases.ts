import type { Json } from "../../../functions/core/json.ts";
import type { RunView } from "../../../functions/engine/contract.ts";
import type { AnyTask } from "../../../functions/sdk/any-task.ts";
import { canvasOf } from "../../../functions/sdk/canvas-builder.ts";
import { type CanvasSource, defineTask, type Task } from "../../../functions/sdk/index.ts";
import type { TaskSettings } from "../../../functions/sdk/task-settings.ts";
import { LocalEngine } from "../local-engine.ts";

/**
 * A graph of five levels, whose tasks have versions:
 *
 *     report <- pages a, b <- index a, index b <- text a, text b <- source a, source b
 *
 * The version of a task is part of what it makes, unless the file of its level says that it comes out equal.
 */
export const LEVELS = ["source", "text", "index", "pages", "report"] as const;
export type Level = (typeof LEVELS)[number];
export type Deployed = { readonly [level in Level]?: number };

export class Graph {
  /** What code was called, as `<task>@<version> <file>`. */
  readonly calls: string[] = [];
  /** Levels whose value does not depend on their version. */
  readonly equal = new Set<Level>();
  /** What sources contain. */
  readonly files: { [file: string]: string } = { a: "A", b: "B" };
  readonly settings: Partial<TaskSettings>;
  /** What happens while a source is read. */
  during: (() => Promise<void>) | undefined;

  constructor(settings: Partial<TaskSettings> = {}) {
    this.settings = settings;
  }
  /** Returns the tasks of a release. A level that is not named has version 1. */
  tasks(deployed: Deployed): readonly AnyTask[] {
    const versionOf = (level: Level): number => deployed[level] ?? 1;
    const note = (level: Level, file: string): string => {
      this.calls.push(`${level}@${versionOf(level)} ${file}`);
      return this.equal.has(level) ? level : `${level}${versionOf(level)}`;
    };
    const define = (level: Level, run: (ctx: Context, file: string) => unknown): Task<[string], string> =>
      defineTask({ ...this.settings, name: level, version: versionOf(level), dedupe: "forever", run: run as never });
    const source = define("source", async (_ctx, file) => {
      await this.during?.();
      return `${note("source", file)}(${this.files[file]})`;
    });
    const text = define("text", async (ctx, file) => {
      const below = await ctx.requireDependency("source", source.s(file));
      return `${note("text", file)}(${below})`;
    });
    const index = define("index", async (ctx, file) => {
      const below = await ctx.requireDependency("text", text.s(file));
      return `${note("index", file)}(${below})`;
    });
    const pages = define("pages", async (ctx, file) => {
      const below = await ctx.requireDependency("index", index.s(file));
      return `${note("pages", file)}(${below})`;
    });
    const report = define("report", async (ctx, files) => {
      const each = files.split(",");
      const below = await Promise.all(each.map((file) => ctx.requireDependency(`pages.${file}`, pages.s(file))));
      return `${note("report", files)}(${below.join()})`;
    });
    return [source, text, index, pages, report];
  }
}
interface Context {
  requireDependency(name: string, signature: CanvasSource): Promise<string>;
}

/** One release of the code of a graph, with a process that runs it. Its ports are those of the first one. */
export class Release {
  readonly graph: Graph;
  readonly local: LocalEngine;
  readonly tasks: { readonly [level in Level]: Task<[string], string> };

  constructor(graph: Graph, deployed: Deployed = {}, first?: Release) {
    const tasks = graph.tasks(deployed);
    this.graph = graph;
    this.tasks = Object.fromEntries(tasks.map((task) => [task.name, task])) as never;
    this.local = new LocalEngine(tasks, {}, first ? { on: first.local } : {});
  }
  async submit(canvas: CanvasSource): Promise<string> {
    return (await this.local.engine.submit({ canvas: canvasOf(canvas) })).jobId;
  }
  async value(jobId: string): Promise<Json | undefined> {
    return (await this.local.engine.job(jobId))?.value;
  }
  /** Runs a job to its end with the processes of this release. Returns its value, and what code was called. */
  async ask(
    canvas: CanvasSource,
  ): Promise<{ readonly jobId: string; readonly value: Json | undefined; readonly calls: readonly string[] }> {
    const before = this.graph.calls.length;
    const jobId = await this.submit(canvas);
    await this.local.untilQuiet();
    const value = await this.value(jobId);
    return { jobId, value, calls: this.graph.calls.slice(before).toSorted() };
  }
  /** Returns the run that jobs share behind the first run of a job. */
  async shared(jobId: string): Promise<RunView | undefined> {
    const [run] = (await this.local.engine.runs(jobId, {})).items;
    return this.local.engine.run(run?.adopts?.runId ?? "");
  }
}
