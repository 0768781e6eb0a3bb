import { FanfoldError } from "../../functions/core/errors.ts";
import { ownerOf } from "../../functions/core/plan/run-id.ts";
import type { Engine, RetryRequest, SubmitRequest } from "../../functions/engine/contract.ts";
import type { Header } from "../../functions/engine/item-kinds.ts";
import { type Item, PortError } from "../../functions/engine/ports.ts";
import type { Faults } from "./faults.ts";
import type { Shape } from "./shape.ts";
import type { Random } from "./random.ts";
import { eventValue } from "./values.ts";
import type { JobSpec } from "./workload.ts";

/** A job as its client sees it, across all deaths of the processes that the client talks to. */
export interface ClientJob {
  readonly name: string;
  readonly spec: JobSpec;
  jobId: string | undefined;
  /** Set when the client has nothing left to do. */
  delivered: boolean;
  /** The number of processes that work for this client. */
  clients: number;
  /** The scheduler step at which the client cancels the job. Negative for never. */
  cancelAt: number;
  /** The scheduler step at which the client cancels the next round. Negative for never. */
  cancelNext: number;
  cancelAsked: boolean;
  /** The scheduler step at which the client revokes a run, or all runs with a stamp. Negative for never. */
  revokeAt: number;
  /** The round that the API has said to be cancelled. */
  cancelledIn: number | undefined;
  /** Set when the API answered the cancellation. */
  cancelAnswered: boolean;
  /** Times that the client still retries the job when it has failed. */
  retriesLeft: number;
  /** The retry that the API has not answered yet. */
  retry: Retry | undefined;
  /** Set once the API refused a retry, because nothing failed or the job is over. */
  settled: boolean;
  /** Events that were sent to the job, and whether the API answered. */
  readonly events: Map<string, boolean>;
}

export type Retry = RetryRequest & { readonly idempotencyKey: string };

/** Submits the job and feeds its input. After a death the client repeats everything with the same key, page by page. */
export async function submitJob(engine: Engine, job: ClientJob, random: Random): Promise<void> {
  const { spec, name, retriesLeft } = job;
  const submitted = await again(() =>
    spec.kind === "canvas"
      ? engine.submit(requestOf({ name, spec }))
      : engine.openJob({ ...namesOf(name), ...(spec.body && { body: spec.body }), policy: spec.policy ?? "settled" }),
  );
  job.jobId = submitted.jobId;
  if (spec.kind === "input") await feed(engine, submitted.jobId, spec.pages, random);
  // Pages that were refused because the job had ended are put again after a retry of another client.
  job.delivered = spec.kind === "canvas" || job.retriesLeft === retriesLeft;
}
const namesOf = (name: string) => ({ workflow: name, idempotencyKey: `key of ${name}` });
/** Returns the submission of a canvas. */
export function requestOf({
  name,
  spec,
}: {
  readonly name: string;
  readonly spec: Extract<JobSpec, { readonly kind: "canvas" }>;
}): SubmitRequest {
  return {
    ...namesOf(name),
    canvas: spec.canvas,
    ...(spec.timeoutSeconds !== undefined && { timeoutSeconds: spec.timeoutSeconds }),
  };
}
async function feed(
  engine: Engine,
  jobId: string,
  pages: Extract<JobSpec, { kind: "input" }>["pages"],
  random: Random,
): Promise<void> {
  const order = pages.map((_, page) => page);
  for (let k = order.length - 1; k > 0; k--) {
    const other = random.int(k + 1);
    [order[k], order[other]] = [order[other] as number, order[k] as number];
  }
  try {
    for (const page of order) await again(() => engine.putInputPage(jobId, page, pages[page] ?? []));
    await again(() => engine.sealInput(jobId, pages.length));
  } catch (error) {
    // Another producer put the same pages first, or the job has ended.
    if (!(error instanceof FanfoldError) || error.code === "internal" || error.code === "page_conflict") throw error;
  }
}

export async function cancelJob(
  engine: Engine,
  job: ClientJob,
  jobId: string,
  rounds: Pick<Shape, "roundOf">,
): Promise<void> {
  const asked = rounds.roundOf(jobId);
  // Another client may retry the job before this one is answered. Then either round may have been cancelled.
  if ((await again(() => engine.cancel(jobId))) && rounds.roundOf(jobId) === asked) job.cancelledIn = asked;
  job.cancelAnswered = true;
}

/**
 * Retries what failed. After a death the client repeats the request with the same key. A refusal because nothing fits
 * is reported to `refused`.
 */
export async function retryJob(
  engine: Engine,
  job: ClientJob,
  jobId: string,
  request: Retry,
  refused: () => void,
): Promise<void> {
  try {
    await again(() => engine.previewRetry(jobId, request).catch(unlessPort));
    await again(() => engine.retry(jobId, request));
    job.retriesLeft--;
    job.cancelledIn = undefined;
    job.cancelAsked = false;
    job.cancelAnswered = false;
    job.cancelAt = job.cancelNext;
    job.cancelNext = -1;
    if (job.spec.kind === "input") job.delivered = false;
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
    if (error.code === "nothing_to_retry") refused();
    if (request.filter && (error.code === "nothing_to_retry" || error.code === "link_not_retried")) job.retriesLeft--;
    else if (error.code !== "job_unfinished" && error.code !== "run_live") job.settled = true;
  }
  job.retry = undefined;
}
function unlessPort(error: unknown): void {
  if (error instanceof PortError || !(error instanceof FanfoldError) || error.code === "internal") throw error;
}
/** Answers a waiting run as the reference expects. */
export async function answer(engine: Engine, header: Pick<Header, "gid" | "jobId" | "wait">): Promise<void> {
  const runId = ownerOf(header.gid) as string;
  try {
    if (header.wait?.of === "event")
      await again(() => engine.sendEvent(header.jobId, header.wait?.name ?? "", eventValue(header.wait?.name ?? "")));
    else {
      const { wait } = (await again(() => engine.run(runId))) ?? {};
      // The run is not waiting yet, so the client tries again later.
      if (wait?.token !== undefined)
        await again(() => engine.complete(runId, wait.token as string, { value: `answer to ${runId}` }));
    }
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
  }
}

export async function sendEvent(engine: Engine, job: ClientJob, jobId: string, name: string): Promise<void> {
  try {
    await again(() => engine.sendEvent(jobId, name, eventValue(name)));
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
  }
  job.events.set(name, true);
}

/** Revokes a run or a group that a client has seen. The outcome later shows whether it was still running. */
export async function revokeRun(engine: Engine, runId: string): Promise<void> {
  try {
    await again(() => engine.revoke(runId));
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
  }
}

/** Revokes all runs of a job that carry a stamp. */
export async function revokeStamped(engine: Engine, jobId: string, team: string): Promise<void> {
  await again(() => engine.revokeStamped(jobId, { team: [team] }));
}

/** Pauses or resumes something. What has ended is refused, and reads as not paused. */
export async function pauseJob(work: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await again(work)) !== false;
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
    return false;
  }
}

/** Repeats `work` until a port answers. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
    }
  }
}

/** Returns a job that was not submitted yet. */
export function newJob(name: string, random: Random, spec: () => JobSpec): ClientJob {
  const cancelAt = random.chance(0.12) ? 50 + random.int(1_500) : -1;
  return {
    name,
    spec: spec(),
    jobId: undefined,
    delivered: false,
    clients: 0,
    cancelAt,
    cancelNext: -1,
    revokeAt: random.chance(0.25) ? 50 + random.int(1_500) : -1,
    cancelAsked: false,
    cancelledIn: undefined,
    cancelAnswered: false,
    retriesLeft: 0,
    retry: undefined,
    settled: false,
    events: new Map(),
  };
}

/** Notes that a process of the client has ended. After a crash no other comes for a job that exists. */
export function leave(job: ClientJob, { crashes }: Faults): void {
  job.clients--;
  if (crashes && job.jobId !== undefined && job.spec.kind === "canvas") job.delivered = true;
}

/**
 * Says whether the item is an open group that waits for an answer of a client, and not for an execution. After a crash
 * nobody answers a second time.
 */
export function isUnanswered({ key, attributes }: Item, { crashes }: Faults): boolean {
  const { wait, execution, state, memberCount } = attributes;
  if (crashes && memberCount !== undefined) return false;
  return key.table === "callbacks" && wait !== undefined && execution === undefined && state === "open";
}
