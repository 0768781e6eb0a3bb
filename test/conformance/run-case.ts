import { setTimeout as pause } from "node:timers/promises";
import { hasEnded, type Job, jobResult, type Result } from "../../functions/client/index.ts";
import { clone } from "../../functions/core/canvas/canvas-parts.ts";
import type { Json } from "../../functions/core/json.ts";
import { errorData } from "../../functions/core/task/error-data.ts";
import type { Case, Expected } from "./cases.ts";
import { type Failure, mismatches, type Observed } from "./compare.ts";
import type { Driver } from "./driver.ts";
import { normalForm } from "./normal-form.ts";
import { executedOf, graphSize, groupApi, logOf, parentValues, runsOf } from "./observe.ts";
import { edit, type Edited, partialsOf } from "./operations.ts";
import { firstDue, slowed } from "./slowed.ts";

export interface CaseReport {
  readonly id: string;
  readonly status: "passed" | "failed" | "skipped";
  /** Descriptions of the expectations that do not hold. */
  readonly problems: readonly string[];
  readonly seconds: number;
}
export interface CaseSettings {
  /**
   * Seconds that a job may take when it should not time out. Machines are slower than those on which the cases were
   * written.
   */
  readonly patienceSeconds: number;
  readonly pollMilliseconds: number;
}

/**
 * Runs one case and reports which expectations do not hold. Never throws, because every error is a problem of the case.
 */
export async function runCase(driver: Driver, each: Case, settings: CaseSettings): Promise<CaseReport> {
  const begun = performance.now();
  const report = (problems: readonly string[]): CaseReport => ({
    id: each.id,
    status: problems.length === 0 ? "passed" : "failed",
    problems,
    seconds: Math.round(performance.now() - begun) / 1_000,
  });
  try {
    const seen = each.kind === "structure" ? structure(each) : await run(driver, each, settings);
    return report(mismatches(each.expected, seen));
  } catch (error) {
    return report([`the case could not be run: ${errorData(error).message}`]);
  }
}

function failure(thrown: unknown): Failure {
  const { name, reason } = errorData(thrown);
  return { name, reason };
}
function edited(each: Case): Edited | Failure {
  try {
    return edit(each);
  } catch (error) {
    if (error instanceof Error && error.name === "FanfoldError") return failure(error);
    throw error;
  }
}

export function structure(each: Case): Observed {
  const made = edited(each);
  if (!("canvas" in made)) return { raises: made };
  return { sig: normalForm(made.canvas), original: normalForm(made.original), hooks: made.hooks };
}

/**
 * Runs a case, slower each time until its actions are in time. A revocation before a due time is a race, and a machine
 * that stalls may lose it. An attempt in which a run was due before the actions were done proves nothing. So the next
 * attempt runs at half the pace.
 */
async function run(driver: Driver, each: Case, settings: CaseSettings): Promise<Observed> {
  for (let slowness = 1; slowness <= SLOWEST; slowness *= 2) {
    const seen = await attempt(driver, slowed(each, slowness), settings);
    if (seen !== "too late") return seen;
  }
  throw new Error(`the actions came too late, even ${SLOWEST} times slower`);
}
const SLOWEST = 64;

async function attempt(driver: Driver, each: Case, settings: CaseSettings): Promise<Observed | "too late"> {
  const { given, expected } = each;
  const made = edited(each);
  if (!("canvas" in made)) return { raises: made };
  const begun = performance.now();
  let jobId: string;
  try {
    const canvas = given.call ? clone(made.canvas, partialsOf(given.call)) : made.canvas;
    ({ jobId } = await driver.submit(canvas));
  } catch (error) {
    return { raises: failure(error) };
  }
  for (const [action, seconds] of given.actions ?? []) {
    if (action === "sleep") await pause(seconds * 1_000);
    else await driver.cancel(jobId);
  }
  if (given.actions !== undefined && performance.now() - begun >= firstDue(each) * 1_000) return "too late";
  const job = await ended(driver, jobId, Math.max(given.timeout ?? 0, settings.patienceSeconds), settings);
  const elapsedSeconds = (performance.now() - begun) / 1_000;
  // Waits to show that the log stays empty.
  if (given.settle !== undefined && expected.log?.length === 0) await pause(given.settle * 1_000);
  const outcome =
    job === undefined || timedOut(each, job)
      ? { error: { name: "TimeoutError" } }
      : await outcomeOf(driver, jobId, job, expected);
  return { ...outcome, ...(await sideEffects(driver, jobId, expected)), elapsedSeconds };
}
/**
 * Returns whether the job took longer than the timeout of the case. The engine's own times decide, because they do not
 * depend on the time of the poll.
 */
function timedOut({ given, expected }: Case, { createdAt, endedAt = Infinity }: Job): boolean {
  return expected.error?.type === "TimeoutError" && endedAt - createdAt > (given.timeout ?? 10) * 1_000;
}

/** Returns undefined when the time has run out. */
async function ended(
  driver: Driver,
  jobId: string,
  seconds: number,
  { pollMilliseconds }: CaseSettings,
): Promise<Job | undefined> {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    const job = await driver.job(jobId);
    if (job !== undefined && hasEnded(job)) return job;
    const left = end - performance.now();
    if (left <= 0) return undefined;
    await pause(Math.min(left, pollMilliseconds));
  }
}

async function outcomeOf(driver: Driver, jobId: string, job: Job, expected: Expected): Promise<Observed> {
  if (job.state === "cancelled") return { error: { name: "TaskRevokedError" }, stored: { name: "TaskRevokedError" } };
  const result = await jobResult(driver, jobId);
  return {
    ...got(result),
    ...(result.error && { stored: result.error }),
    ...(expected.group_api && { group_api: groupApi(result) }),
    ...(expected.parents && { parents: parentValues(result) }),
    ...(expected.children && { children: result.children.map((child) => child.get()) }),
    ...(expected.collect && { collect: [...result.collect()].map(([, value]) => value ?? null) }),
    ...(expected.graph && { graph: graphSize(result) }),
  };
}
function got(result: Result): { readonly result: Json } | { readonly error: Failure } {
  try {
    return { result: result.get() };
  } catch (error) {
    return { error: failure(error) };
  }
}

async function sideEffects(driver: Driver, jobId: string, expected: Expected): Promise<Observed> {
  const { log, log_unordered, log_contains, log_last, executed } = expected;
  const logs = [log, log_unordered, log_contains, log_last].some((each) => each !== undefined);
  if (!logs && executed === undefined) return {};
  const runs = await runsOf(driver, jobId, logs);
  return { ...(logs && { log: logOf(runs) }), ...(executed && { executed: executedOf(runs) }) };
}
