import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Local, startLocal } from "../../../cli/local-server.ts";
import { loopbackSecurity } from "../../../functions/api/security.ts";
import type { Tracking } from "../../../functions/core/canvas/canvas.ts";
import { modulePath } from "../module-path.ts";
import { serveApp, type Served } from "../../../functions/embedded/serve-app.ts";
import type { JobView } from "../../../functions/engine/contract.ts";
import { canvasOf, type CanvasSource } from "../../../functions/sdk/canvas-builder.ts";
import { defineConfig } from "../../../functions/sdk/config.ts";
import { chord, group } from "../../../functions/sdk/index.ts";
import { type CaseContext, WARM_UP } from "../case.ts";
import { round } from "../statistics.ts";
import { type Counts, countsFile, MESSAGES_PER_REQUEST, ownCounts } from "./counters.ts";
import { collect, type Collected, identity } from "./tasks.ts";

const TASKS = modulePath(import.meta.url, "./tasks");
/** Queues that no message has come to yet. */
export const NEW_QUEUES = Array.from({ length: 100 }, (_, k) => `new${k}`);
const named = (name: string) => ({ name });
/** Durability of our writes, as the lines state it. */
export const DURABILITY =
  "every write in a database file before it counts: survives kill -9 of all processes, flushed to the disk within 100 ms";
/** Queues that no configuration names are refused. These are those that benchmarks use. */
const SETTINGS = {
  site: "local",
  concurrency: 32,
  jobTimeoutDays: 30,
  retentionDays: 7,
  sites: [{ name: "local", queues: ["default", "callbacks", "free", "crowded", "full", ...NEW_QUEUES].map(named) }],
};
const READY_MS = 60_000;
const POLL_MS = 5;
/** Milliseconds for acknowledgements and the closing of headers, which come after the end of a job. */
const SETTLED_MS = 300;

/**
 * The embedded engine as people run it: this process, a worker process for each core, and a database on disk. The HTTP
 * API of `npm run dev` is added on request.
 */
export interface BenchEngine {
  readonly local: Local;
  /** File of the lines that `collect` writes. */
  readonly file: string;
  submit(canvas: CanvasSource): Promise<string>;
  /** Waits for the end of a job. Throws unless it is the wanted one. */
  ended(jobId: string, state?: JobView["state"]): Promise<JobView>;
  /** Returns the counts of all processes since they started. Waits until the processes are idle. */
  counts(): Promise<Counts>;
  serve(): Promise<{ readonly url: string; readonly token: string }>;
}
export async function withEngine(context: CaseContext, work: (engine: BenchEngine) => Promise<void>): Promise<void> {
  let served: Served | undefined;
  const token = randomUUID();
  const security = loopbackSecurity({ port: () => served?.port ?? 0, token });
  const project = { settings: defineConfig(SETTINGS), tasksModule: TASKS };
  const local = await startLocal({ dataFolder: join(context.folder, "data"), project }, security);
  try {
    await untilReady(local);
    const file = join(context.folder, "collected");
    const { engine } = local.runtime;
    const bench: BenchEngine = {
      local,
      file,
      submit: async (source) => (await engine.submit({ canvas: canvasOf(source) })).jobId,
      ended: async (jobId, state = "success") => {
        for (;;) {
          const job = await engine.job(jobId);
          if (job?.endedAt !== undefined) return endedAs(job, state);
          await pause(POLL_MS);
        }
      },
      counts: () => countsOf(local),
      serve: async () => {
        served ??= await serveApp(local.app, { port: 0 });
        return { url: served.url, token };
      },
    };
    await bench.ended(await bench.submit(fanIn(WARM_UP, file, context.level)));
    await pause(SETTLED_MS);
    rmSync(file);
    await work(bench);
  } finally {
    await served?.close(0);
    await local.runtime.stop({ graceSeconds: 0 });
  }
}

/** Returns a chord of `members` that return their index, and `collect`. */
export function fanIn(members: number, file: string, level?: string): CanvasSource {
  const options = { ...(level !== undefined && { tracking: level as Tracking }) };
  const header = group(identities(members), options);
  return chord(header, collect.signature([], { file }));
}
function* identities(members: number): Generator<CanvasSource> {
  for (let index = 0; index < members; index++) yield identity.s(index);
}
/** Throws unless the callback saw every index once and in order. */
export function checkCollected(value: unknown, members: number): void {
  const { count, total, ordered } = value as Collected;
  const wanted = (members * (members - 1)) / 2;
  if (count !== members || total !== wanted || !ordered)
    throw new Error(
      `the callback saw ${count} results, total ${total}, in order: ${ordered}; not ${members}, ${wanted}, true`,
    );
}
/** Counts the lines of callbacks, one for each callback that ran. */
export function callbacksRun(file: string): number {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}
export interface PerChild {
  readonly writesPerChild: number;
  readonly requestsPerChild: number;
  readonly messagesPerChild: number;
  readonly commitsPerChild: number;
}
/**
 * Adds receives and deletes, which pass through no port. A message is received once and deleted once, ten in a request.
 */
export function perChild(before: Counts, after: Counts, children: number): PerChild {
  const of = (field: keyof Counts): number => (after[field] - before[field]) / children;
  const messagesPerChild = of("messages");
  if (after.writeUnits === before.writeUnits)
    throw new Error("no write was counted: the store is not what counters.ts takes it for");
  return {
    writesPerChild: round(of("writeUnits")),
    requestsPerChild: round(of("sendRequests") + (2 * messagesPerChild) / MESSAGES_PER_REQUEST),
    messagesPerChild: round(messagesPerChild),
    commitsPerChild: round(of("commits")),
  };
}

function endedAs(job: JobView, state: JobView["state"]): JobView {
  if (job.state !== state)
    throw new Error(`job ${job.jobId} ended as ${job.state}: ${job.error?.message ?? "no error"}`);
  return job;
}
async function untilReady(local: Local): Promise<void> {
  for (const end = performance.now() + READY_MS; performance.now() < end; await pause(POLL_MS)) {
    const { workers } = await local.runtime.stats();
    if (workers.every(({ ready }) => ready)) return;
  }
  throw new Error(`the workers are not ready after ${READY_MS / 1_000} s`);
}
async function countsOf(local: Local): Promise<Counts> {
  await pause(SETTLED_MS);
  const { workers } = await local.runtime.stats();
  const all = await Promise.all(workers.map(({ pid }) => countsIn(pid as number)));
  return [ownCounts(), ...all].reduce((sum, each) => ({
    writeUnits: sum.writeUnits + each.writeUnits,
    messages: sum.messages + each.messages,
    sendRequests: sum.sendRequests + each.sendRequests,
    commits: sum.commits + each.commits,
  }));
}
async function countsIn(pid: number): Promise<Counts> {
  const file = countsFile(pid);
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  for (const end = performance.now() + READY_MS; performance.now() < end; await pause(POLL_MS)) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Counts;
  }
  throw new Error(`process ${pid} does not tell its counts`);
}
