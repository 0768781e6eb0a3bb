import { type ChildProcess, fork } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { workerArguments } from "../../../functions/embedded/machine/node-arguments.ts";
import { modulePath } from "../module-path.ts";
import type { CaseContext } from "../case.ts";
import { round } from "../statistics.ts";
import { CHILDREN, type Connection, PARENTS, type Summed, type WorkerAssignment } from "./bullmq-flow.ts";
import { peerModule } from "./install.ts";
import { startRedis } from "./servers.ts";
import { VERSIONS } from "./versions.ts";

const WORKER = modulePath(import.meta.url, "./bullmq-worker-main");
/**
 * Settings that its guides say to tune: processes, and jobs that each works on at the same time. The fastest here is
 * measured.
 */
const CONCURRENCIES = [50, 100, 300];

/** What is measured. `run` resolves when all of it has ended, and throws unless it ended as it must. */
export interface Work {
  /** Returns how many parents ran. */
  readonly run: (n: number) => Promise<number>;
  /** Sizes of the work by which the settings are chosen, and by which the workers warm up. */
  readonly tuning: number;
  readonly warmUp: number;
  /** Jobs that one unit of `n` is, parents left out. */
  readonly jobsEach: number;
}
interface FlowJob {
  readonly name: string;
  readonly queueName: string;
  readonly data?: unknown;
  readonly children?: readonly FlowJob[];
}
interface QueueEvents {
  setMaxListeners(count: number): void;
  waitUntilReady(): Promise<unknown>;
}
interface Queue {
  add(name: string, data: unknown): Promise<unknown>;
  getJobCounts(...states: string[]): Promise<{ readonly [state: string]: number }>;
}
export interface BullMq {
  readonly Queue: new (name: string, options: { connection: Connection }) => Queue;
  readonly FlowProducer: new (options: { connection: Connection }) => {
    setMaxListeners(count: number): void;
    add(flow: FlowJob): Promise<{ readonly job: { waitUntilFinished(events: QueueEvents): Promise<Summed> } }>;
  };
  readonly QueueEvents: new (queue: string, options: { connection: Connection }) => QueueEvents;
}
interface Setting {
  readonly processes: number;
  readonly concurrency: number;
}

/** Measures work of BullMQ in the fastest of the settings. */
export async function measureBullMq(
  context: CaseContext,
  open: (connection: Connection) => Promise<Work>,
): Promise<void> {
  const { n } = context;
  const file = join(context.folder, "parents");
  const redis = await startRedis(context.folder);
  const connection = { host: "127.0.0.1", port: redis.port };
  const work = await open(connection);
  const timed = async (setting: Setting): Promise<number> => {
    const workers = await startWorkers({ connection, file, ...setting });
    await work.run(Math.ceil(work.tuning / 3));
    const start = performance.now();
    await work.run(work.tuning);
    await stopWorkers(workers);
    return performance.now() - start;
  };
  const setting = await fastest(timed);
  const workers = await startWorkers({ connection, file, ...setting });
  await work.run(work.warmUp);
  rmSync(file, { force: true });
  const { value, seconds, cpuSeconds, rssMb, rssOthersMb } = await context.measure(() => work.run(n));
  const parents = existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
  if (parents !== value) throw new Error(`${parents} parents ran, not ${value}`);
  await stopWorkers(workers);
  await redis.stop();
  const jobs = n * work.jobsEach;
  context.emit({
    bench: context.bench,
    engine: "bullmq",
    n,
    seconds: round(seconds),
    perSecond: round(jobs / seconds),
    cpuSeconds: round(cpuSeconds),
    perCpuSecond: round(jobs / cpuSeconds),
    rssMb: round(rssMb),
    rssWorkersMb: round(rssOthersMb),
    versions: `bullmq ${VERSIONS.bullmq}, ioredis ${VERSIONS.ioredis}, Redis ${redis.version}`,
    settings: `worker processes: ${setting.processes}, concurrency of each: ${setting.concurrency} (the fastest of those tried)`,
    durability:
      "Redis as it comes: a snapshot now and then, no log of writes; what came after the last snapshot is lost with the server",
  });
}

/** Returns a function that runs one flow, awaits its parent, and throws unless it saw every child. */
export async function openFlow(connection: Connection): Promise<(children: number) => Promise<void>> {
  const { FlowProducer, QueueEvents } = peerModule<BullMq>("bullmq");
  const producer = new FlowProducer({ connection });
  const events = new QueueEvents(PARENTS, { connection });
  // Each job that is awaited listens to both.
  for (const emitter of [producer, events]) emitter.setMaxListeners(0);
  await events.waitUntilReady();
  return async (n) => {
    const { job } = await producer.add({
      name: "sum",
      queueName: PARENTS,
      children: Array.from({ length: n }, (_, index) => ({ name: "identity", queueName: CHILDREN, data: index })),
    });
    const { count, total } = await job.waitUntilFinished(events);
    if (count !== n || total !== (n * (n - 1)) / 2) throw new Error(`the parent saw ${count} results, total ${total}`);
  };
}
async function fastest(timed: (setting: Setting) => Promise<number>): Promise<Setting> {
  const settings = [...new Set([1, availableParallelism()])].flatMap((processes) =>
    CONCURRENCIES.map((concurrency) => ({ processes, concurrency })),
  );
  let best: { readonly setting: Setting; readonly milliseconds: number } | undefined;
  for (const setting of settings) {
    const milliseconds = await timed(setting);
    if (best === undefined || milliseconds < best.milliseconds) best = { setting, milliseconds };
  }
  return (best as { readonly setting: Setting }).setting;
}
function startWorkers({ processes, ...assignment }: Setting & WorkerAssignment): Promise<readonly ChildProcess[]> {
  const start = (): Promise<ChildProcess> => {
    const child = fork(WORKER, [JSON.stringify(assignment)], {
      execArgv: workerArguments(import.meta.url, process.execArgv),
      stdio: ["ignore", 2, 2, "ipc"],
    });
    return new Promise((resolve, reject) => {
      child.once("message", () => resolve(child));
      child.once("exit", (code) => reject(new Error(`a worker of BullMQ ended with ${code}`)));
    });
  };
  return Promise.all(Array.from({ length: processes }, start));
}
/** Stops the workers gracefully, because a job of a killed worker is stalled for half a minute. */
async function stopWorkers(workers: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    workers.map(
      (worker) =>
        new Promise((resolve) => {
          worker.once("exit", resolve);
          worker.send("stop");
        }),
    ),
  );
}
