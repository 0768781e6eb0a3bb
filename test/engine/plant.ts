import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Engine, JobView } from "../../functions/engine/contract.ts";
import type { Ports } from "../../functions/engine/ports.ts";
import type { RetryRequest } from "../../functions/engine/requests.ts";
import { type CanvasBuilder, defineTask, TaskError } from "../../functions/sdk/index.ts";
import { LocalEngine } from "./local-engine.ts";

/** Jobs whose tasks fail while `broken` names them. Counts how often each task ran, by its first argument. */
export class Plant {
  readonly ran = new Map<string, number>();
  readonly broken = new Set<string>();
  readonly local: LocalEngine;
  jobId = "";

  readonly work = defineTask({ name: "work", run: (_ctx, name: string) => this.#run(name, name) });
  readonly join = defineTask({ name: "join", run: (_ctx, parts: unknown) => this.#run("join", parts) });
  readonly next = defineTask({
    name: "next",
    run: (_ctx, value: unknown, name: string) => this.#run(name, [value, name]),
  });
  readonly note = defineTask({ name: "note", run: (_ctx, ..._given: unknown[]) => this.#run("note", null) });
  readonly spawn = defineTask({
    name: "spawn",
    run: (ctx, ...names: string[]) => {
      ctx.spawn(names.map((name) => this.work.s(name)));
      return this.#run("spawn", "spawned");
    },
  });
  readonly swap = defineTask({
    name: "swap",
    run: (ctx, name: string): string => {
      this.#run("swap", null);
      return ctx.replace(this.work.s(name));
    },
  });
  readonly add = defineTask({
    name: "add",
    run: (ctx, name: string) => {
      ctx.addToChord(this.work.s(name));
      return this.#run("add", "added");
    },
  });
  readonly thenJoin = defineTask({
    name: "thenJoin",
    run: (ctx, ...names: string[]) => {
      ctx.spawnWithCallback(
        names.map((name) => this.work.s(name)),
        this.join.s(),
      );
      return this.#run("thenJoin", "spawned");
    },
  });
  readonly again = defineTask({
    name: "again",
    retry: { maxAttempts: 2 },
    run: (ctx, name: string): string => {
      if (ctx.attempt === 1) return ctx.retry();
      return this.#run(name, name);
    },
  });
  readonly awaits = defineTask({
    name: "awaits",
    run: async (ctx, name: string) => {
      this.#run("awaits", null);
      return ctx.waitForEvent<string>(name, { timeoutSeconds: 60 });
    },
  });
  /** Streams its items. Throws before the item that is broken, the first time it comes there. */
  readonly stream = defineTask({
    name: "stream",
    run: async function* (ctx, names: readonly string[]) {
      for (let at = Number(ctx.cursor ?? 0); at < names.length; at++) {
        const name = names[at] as string;
        streaming.run(`before ${name}`);
        yield ctx.at(at + 1, streaming.work.s(name));
      }
    },
  });

  /** Streams its items, until one of them fails. */
  readonly streamFast = defineTask({
    name: "streamFast",
    policy: "failFast",
    run: async function* (_ctx, names: readonly string[]) {
      for (const name of names) yield streaming.work.s(name);
    },
  });

  constructor(config: Partial<EngineConfig> = {}) {
    streaming = { work: this.work, run: (name) => void this.#run(name, null) };
    this.local = new LocalEngine(
      [
        this.work,
        this.join,
        this.next,
        this.note,
        this.spawn,
        this.swap,
        this.add,
        this.thenJoin,
        this.again,
        this.awaits,
        this.stream,
        this.streamFast,
      ],
      { width: 2, ...config },
    );
  }
  #run<T>(name: string, value: T): T {
    this.ran.set(name, (this.ran.get(name) ?? 0) + 1);
    if (this.broken.has(name)) throw new TaskError(`${name} is broken`, { retryable: false });
    return value;
  }
  async fails({ canvas }: CanvasBuilder, ...broken: string[]): Promise<JobView> {
    for (const name of broken) this.broken.add(name);
    this.jobId = (await this.local.engine.submit({ canvas })).jobId;
    return this.ends();
  }
  async retried(request: RetryRequest = {}): Promise<JobView> {
    this.broken.clear();
    await this.local.engine.retry(this.jobId, request);
    return this.ends();
  }
  /** Returns another process that works for the plant. */
  over(around: (ports: Ports) => Ports): Engine {
    return this.local.over(this.local, around);
  }
  /** Returns the results of the job in order. */
  async values(): Promise<readonly unknown[]> {
    const values: unknown[] = [];
    for await (const { value } of this.local.engine.results(this.jobId)) values.push(value);
    return values;
  }
  async ends(): Promise<JobView> {
    await this.local.untilQuiet();
    const job = await this.local.engine.job(this.jobId);
    if (!job) throw new Error("the job is gone");
    return job;
  }
  get runs(): Record<string, number> {
    return Object.fromEntries(this.ran);
  }
}
/** What the generator of the latest plant works with: a generator has no `this`. */
let streaming: { readonly work: Plant["work"]; run(name: string): void };
