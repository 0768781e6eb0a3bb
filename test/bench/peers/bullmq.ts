import { type ChildProcess, fork } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { modulePath, workerArguments } from "../../../functions/embedded/machine/node-arguments.ts";
import { type Case, WARM_UP } from "../case.ts";
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
const TUNING = 3_000;

interface FlowJob {
  readonly name: string;
  readonly queueName: string;
  readonly data?: unknown;
  readonly children?: readonly FlowJob[];
}
interface QueueEvents {
  waitUntilReady(): Promise<unknown>;
}
interface BullMq {
  readonly FlowProducer: new (options: { connection: Connection }) => {
    add(flow: FlowJob): Promise<{ readonly job: { waitUntilFinished(events: QueueEvents): Promise<Summed> } }>;
  };
  readonly QueueEvents: new (queue: string, options: { connection: Connection }) => QueueEvents;
}
interface Setting {
  readonly processes: number;
  readonly concurrency: number;
}

/**
 * Measures a flow of `n` children that return their index, and a parent that adds the indexes up. The time runs from
 * the making of the flow to the completion of the parent.
 */
export const run: Case = async (context) => {
  const { n } = context;
  const file = join(context.folder, "parents");
  const redis = await startRedis(context.folder);
  const connection = { host: "127.0.0.1", port: redis.port };
  const flow = await openFlow(connection);
  const timed = async (setting: Setting): Promise<number> => {
    const workers = await startWorkers({ connection, file, ...setting });
    await flow(TUNING / 3);
    const start = performance.now();
    await flow(TUNING);
    await stopWorkers(workers);
    return performance.now() - start;
  };
  const setting = await fastest(timed);
  const workers = await startWorkers({ connection, file, ...setting });
  await flow(WARM_UP);
  rmSync(file);
  const { value, seconds, cpuSeconds, rssMb, rssOthersMb } = await context.measure(() => flow(n));
  if (value.count !== n || value.total !== (n * (n - 1)) / 2)
    throw new Error(`the parent saw ${value.count} results, total ${value.total}`);
  const parents = existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
  if (parents !== 1) throw new Error(`the parent ran ${parents} times`);
  await stopWorkers(workers);
  await redis.stop();
  context.emit({
    bench: context.bench,
    engine: "bullmq",
    n,
    seconds: round(seconds),
    perSecond: round(n / seconds),
    cpuSeconds: round(cpuSeconds),
    perCpuSecond: round(n / cpuSeconds),
    rssMb: round(rssMb),
    rssWorkersMb: round(rssOthersMb),
    versions: `bullmq ${VERSIONS.bullmq}, ioredis ${VERSIONS.ioredis}, Redis ${redis.version}`,
    settings: `worker processes: ${setting.processes}, concurrency of each: ${setting.concurrency} (the fastest of those tried)`,
    durability:
      "Redis as it comes: a snapshot now and then, no log of writes; what came after the last snapshot is lost with the server",
  });
};

/** Returns a function that runs one flow and awaits its parent. */
async function openFlow(connection: Connection): Promise<(children: number) => Promise<Summed>> {
  const { FlowProducer, QueueEvents } = peerModule<BullMq>("bullmq");
  const producer = new FlowProducer({ connection });
  const events = new QueueEvents(PARENTS, { connection });
  await events.waitUntilReady();
  return async (children) => {
    const { job } = await producer.add({
      name: "sum",
      queueName: PARENTS,
      children: Array.from({ length: children }, (_, index) => ({
        name: "identity",
        queueName: CHILDREN,
        data: index,
      })),
    });
    return job.waitUntilFinished(events);
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
