import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Case, CaseContext } from "../case.ts";
import { round } from "../statistics.ts";
import { PEERS, PYTHON } from "./install.ts";
import { startRedis } from "./servers.ts";

const WARM_UP = 300;
const PROCESSES = availableParallelism();
interface Collected {
  readonly count: number;
  readonly total: number;
  readonly ordered: boolean;
}

/**
 * Measures a chord of `n` members that return their index, and a callback that adds the indexes up. The time runs from
 * the making of the chord to its result.
 */
export const run: Case = async (context) => {
  const { n } = context;
  const file = join(context.folder, "callbacks");
  const redis = await startRedis(context.folder);
  const { client, worker, chord } = startCelery(context, redis.port, file);
  await chord(WARM_UP);
  rmSync(file);
  const { value, seconds, cpuSeconds, rssMb, rssOthersMb } = await context.measure(() => chord(n));
  if (value.count !== n || value.total !== (n * (n - 1)) / 2 || !value.ordered)
    throw new Error(`the callback saw ${JSON.stringify(value)}`);
  const callbacks = readFileSync(file, "utf8").split("\n").length - 1;
  if (callbacks !== 1) throw new Error(`the callback ran ${callbacks} times`);
  await Promise.all([ended(client), ended(worker)]);
  await redis.stop();
  context.emit({
    bench: context.bench,
    engine: "celery",
    n,
    seconds: round(seconds),
    perSecond: round(n / seconds),
    cpuSeconds: round(cpuSeconds),
    perCpuSecond: round(n / cpuSeconds),
    rssMb: round(rssMb),
    rssWorkersMb: round(rssOthersMb),
    versions: versions(redis.version),
    settings: `prefork, ${PROCESSES} processes, prefetch multiplier 128, no gossip, mingle or heartbeat, results in Redis`,
    durability:
      "Redis as it comes: a snapshot now and then, no log of writes; what came after the last snapshot is lost with the server",
  });
};

/** Starts a worker, and a client that runs one chord for each call of `chord`. */
function startCelery({ folder }: Pick<CaseContext, "folder">, redisPort: number, file: string) {
  const env = {
    ...process.env,
    BENCH_REDIS: `redis://127.0.0.1:${redisPort}/0`,
    BENCH_FILE: file,
    PYTHONPATH: PEERS,
    PYTHONDONTWRITEBYTECODE: "1",
  };
  const flags = [
    "--pool",
    "prefork",
    "--concurrency",
    String(PROCESSES),
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--loglevel",
    "WARNING",
  ];
  const worker = spawn(PYTHON, ["-m", "celery", "--app", "celery_app", "worker", ...flags], {
    env,
    cwd: folder,
    stdio: ["ignore", "ignore", "ignore"],
  });
  const client = spawn(PYTHON, [join(PEERS, "celery_chord.py")], {
    env,
    cwd: folder,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  const chord = async (members: number): Promise<Collected> => {
    client.stdin.write(`${members}\n`);
    const answer = await answers.next();
    if (answer.done === true) throw new Error("the client of Celery ended");
    return JSON.parse(answer.value) as Collected;
  };
  return { client, worker, chord };
}
function versions(redis: string): string {
  const script =
    "import celery, kombu, redis, sys; print(f'celery {celery.__version__}, kombu {kombu.__version__}, redis-py {redis.__version__}, Python {sys.version.split()[0]}')";
  return `${execFileSync(PYTHON, ["-c", script], { encoding: "utf8" }).trim()}, Redis ${redis}`;
}
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}
