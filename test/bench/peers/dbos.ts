import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { peerModule } from "./install.ts";
import { startPostgres } from "./servers.ts";
import { VERSIONS } from "./versions.ts";

const QUEUE = "children";
const WARM_UP = 200;
const POLL_MS = 50;
const POOL = 50;

interface Handle<T> {
  getResult(): Promise<T>;
}
type Workflow<Args extends readonly unknown[], T> = (...args: Args) => Promise<T>;
interface Dbos {
  setConfig(config: {
    readonly name: string;
    readonly systemDatabaseUrl: string;
    readonly systemDatabasePoolSize: number;
    readonly logLevel: string;
  }): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
  registerQueue(name: string, options: { readonly minPollingIntervalMs: number }): Promise<unknown>;
  registerWorkflow<Args extends readonly unknown[], T>(
    run: Workflow<Args, T>,
    config: { readonly name: string },
  ): Workflow<Args, T>;
  startWorkflow<Args extends readonly unknown[], T>(
    workflow: Workflow<Args, T>,
    options?: { readonly queueName: string },
  ): (...args: Args) => Promise<Handle<T>>;
}
interface Summed {
  readonly count: number;
  readonly total: number;
}

/**
 * Measures a workflow that queues `n` workflows, awaits them all and adds up the indexes that they return. This is the
 * fan-out of its guide to queues. The time runs from the start of the workflow to its result.
 */
export const run: Case = async (context) => {
  const { n } = context;
  const postgres = await startPostgres(context.folder);
  const { DBOS } = peerModule<{ readonly DBOS: Dbos }>("@dbos-inc/dbos-sdk");
  const systemDatabaseUrl = `postgresql://postgres@127.0.0.1:${postgres.port}/bench`;
  DBOS.setConfig({ name: "bench", systemDatabaseUrl, systemDatabasePoolSize: POOL, logLevel: "error" });
  let sums = 0;
  const identity = DBOS.registerWorkflow(async (index: number) => index, { name: "identity" });
  const fanOut = DBOS.registerWorkflow(
    async (children: number): Promise<Summed> => {
      const handles: Handle<number>[] = [];
      for (let index = 0; index < children; index++)
        handles.push(await DBOS.startWorkflow(identity, { queueName: QUEUE })(index));
      const values: number[] = [];
      for (const handle of handles) values.push(await handle.getResult());
      sums++;
      return { count: values.length, total: values.reduce((total, value) => total + value, 0) };
    },
    { name: "fanOut" },
  );
  await DBOS.launch();
  await DBOS.registerQueue(QUEUE, { minPollingIntervalMs: POLL_MS });
  const flow = async (children: number): Promise<Summed> => (await DBOS.startWorkflow(fanOut)(children)).getResult();
  await flow(WARM_UP);
  sums = 0;
  const { value, seconds, cpuSeconds, rssMb, rssOthersMb } = await context.measure(() => flow(n));
  if (value.count !== n || value.total !== (n * (n - 1)) / 2 || sums !== 1)
    throw new Error(`${sums} sums, of ${value.count} results, total ${value.total}`);
  await DBOS.shutdown();
  await postgres.stop();
  context.emit({
    bench: context.bench,
    engine: "dbos",
    n,
    seconds: round(seconds),
    perSecond: round(n / seconds),
    cpuSeconds: round(cpuSeconds),
    perCpuSecond: round(n / cpuSeconds),
    rssMb: round(rssMb),
    rssWorkersMb: round(rssOthersMb),
    versions: `DBOS Transact ${VERSIONS.dbos}, Postgres ${postgres.version}`,
    settings: `one process, a queue without limits that is asked every ${POLL_MS} ms, ${POOL} connections`,
    durability: "Postgres as it comes: every commit waits for the disk",
  });
};
