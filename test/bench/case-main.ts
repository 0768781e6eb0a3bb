import { once } from "node:events";
import { rmSync } from "node:fs";
import type { Case, CaseRequest, FromCase, Measured, ToCase } from "./case.ts";

/** Runs one case, and ends with it, so its memory and CPU time are the case's alone. */
const CASES: Readonly<Record<string, () => Promise<{ readonly run: Case }>>> = {
  "fanfold/fan-in": () => import("./fanfold/fan-in.ts"),
  "fanfold/floor": () => import("./fanfold/floor.ts"),
  "fanfold/chain": () => import("./fanfold/chain.ts"),
  "fanfold/chords": () => import("./fanfold/chords.ts"),
  "fanfold/latency": () => import("./fanfold/latency.ts"),
  "fanfold/queues": () => import("./fanfold/queues.ts"),
  "fanfold/tenants": () => import("./fanfold/tenants.ts"),
  "fanfold/submit": () => import("./fanfold/submit.ts"),
  "fanfold/retry": () => import("./fanfold/retry.ts"),
  "fanfold/poison": () => import("./fanfold/poison.ts"),
  "fanfold/jobs": () => import("./fanfold/jobs.ts"),
  "fanfold/small-chords": () => import("./fanfold/small-chords.ts"),
  "fanfold/small-jobs": () => import("./fanfold/small-jobs.ts"),
  "fanfold/package": () => import("./fanfold/package.ts"),
  "fanfold/cold-start": () => import("./fanfold/cold-start.ts"),
  "bullmq/fan-in": () => import("./peers/bullmq-fan-in.ts"),
  "bullmq/jobs": () => import("./peers/bullmq-jobs.ts"),
  "bullmq/small-chords": () => import("./peers/bullmq-small-chords.ts"),
  "celery/fan-in": () => import("./peers/celery.ts"),
  "dbos/fan-in": () => import("./peers/dbos.ts"),
};

const tell = (message: FromCase): Promise<void> =>
  new Promise((resolve, reject) =>
    process.send?.(message, undefined, {}, (error) => (error === null ? resolve() : reject(error))),
  );
async function answer(): Promise<ToCase> {
  const [message] = (await once(process, "message")) as [ToCase];
  return message;
}

async function measure<T>(work: () => Promise<T>): Promise<Measured<T>> {
  const watching = answer();
  await tell({ kind: "begin" });
  await watching;
  const start = performance.now();
  const value = await work();
  const seconds = (performance.now() - start) / 1_000;
  const usage = answer();
  await tell({ kind: "end" });
  const message = await usage;
  if (message.kind !== "usage") throw new Error("the watching process does not say what it saw");
  return { value, seconds, ...message.usage };
}

const request = JSON.parse(process.argv[2] ?? "{}") as CaseRequest;
// The process that started this one is dead. Every process that was started here is in this group and must end too.
process.on("disconnect", () => {
  rmSync(request.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  process.kill(-process.pid, "SIGKILL");
});
try {
  const load = CASES[`${request.engine}/${request.bench}`];
  if (load === undefined) throw new Error(`${request.engine} has no benchmark ${request.bench}`);
  const { run } = await load();
  await run({ ...request, measure, emit: (line) => void tell({ kind: "line", line }) });
  await tell({ kind: "done" });
  process.exit(0);
} catch (error) {
  await tell({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exit(1);
}
