import { appendFileSync } from "node:fs";
import { CHILDREN, type Connection, PARENTS, type Summed, type WorkerAssignment } from "./bullmq-flow.ts";
import { peerModule } from "./install.ts";

interface Job {
  readonly id: string;
  readonly data: number;
  getChildrenValues(): Promise<Readonly<Record<string, number>>>;
}
interface Worker {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}
interface BullMq {
  readonly Worker: new (
    queue: string,
    run: (job: Job) => Promise<unknown>,
    options: { connection: Connection; concurrency?: number },
  ) => Worker;
}

const { connection, concurrency, file } = JSON.parse(process.argv[2] ?? "{}") as WorkerAssignment;
const { Worker: QueueWorker } = peerModule<BullMq>("bullmq");
const sum = async (job: Job): Promise<Summed> => {
  appendFileSync(file, `${job.id}\n`);
  const values = Object.values(await job.getChildrenValues());
  return { count: values.length, total: values.reduce((total, value) => total + value, 0) };
};
const workers = [
  new QueueWorker(CHILDREN, async (job) => job.data, { connection, concurrency }),
  new QueueWorker(PARENTS, sum, { connection, concurrency }),
];
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
process.once("message", () => void Promise.all(workers.map((worker) => worker.close())).then(() => process.exit(0)));
process.send?.("ready");
