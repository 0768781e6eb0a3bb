import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { runIdOf, linkGroupOf } from "../core/plan/run-id.ts";
import { isFailure, isSuccess, isTerminal, type RunStatus } from "../core/plan/run-state.ts";
import type { ErrorData } from "../core/task/invocation.ts";
import { hasEnded, type Job, type Page, type Run } from "./types.ts";

/** A source of jobs and runs: a client, or an engine. */
export interface ResultSource {
  job(jobId: string): Promise<Job | undefined>;
  runs(jobId: string, filter: { readonly limit?: number; readonly cursor?: string }): Promise<Page<Run>>;
  run(runId: string): Promise<Run | undefined>;
}

/**
 * The result of one run, and access to its neighbours. The result of a group has `members`, and its value is the list
 * of their values in order. Only ids need to be kept: `jobResult(source, id)` restores a result, its parents and its
 * members from what is stored.
 */
export interface Result {
  readonly id: string;
  /** Absent for a group. */
  readonly task?: string;
  readonly status: RunStatus;
  /** The result before it: that of the previous step in a chain, or of the header for the body of a chord. */
  readonly parent?: Result;
  /** The results of its links. */
  readonly children: readonly Result[];
  /** Set only for a group: the results of its members, in order. */
  readonly members?: readonly Result[];
  /** `true` once the run has ended, well or badly. */
  readonly ready: boolean;
  /** `true` once the run has ended well. */
  readonly successful: boolean;
  /** `true` once the run has failed, but not when it was cancelled. A group has failed when one of its members has. */
  readonly failed: boolean;
  /** `true` until the run has ended. */
  readonly waiting: boolean;
  /** Number of members of a group that have ended well. 1 or 0 for any other run. */
  readonly completedCount: number;
  readonly value?: Json;
  /**
   * The error of the run itself; `get` throws an error of its parents first. The name is `TaskRevokedError` when the
   * run was cancelled or expired, and `ChordError` when a run that it waited for failed.
   */
  readonly error?: ErrorData & { readonly runId?: string };
  /**
   * Returns the value. Throws the first failure in the order of the chain.
   * @throws ResultError with the name of the error that the run threw; FanfoldError `job_unfinished`
   */
  get(): Json;
  /**
   * Returns the values of the members of a group, in order. `propagate: false` returns errors in their places instead
   * of throwing the first one.
   */
  join(options?: { readonly propagate?: boolean }): readonly (Json | ResultError)[];
  /**
   * Yields this result and the results of its links, depth first.
   * @throws FanfoldError `job_unfinished` at a result that has not ended. With `intermediate` that result is yielded
   *   without a value, and nothing below it.
   */
  collect(options?: {
    readonly intermediate?: boolean;
  }): Generator<readonly [result: Result, value: Json | undefined], void, undefined>;
}

/** The failure of a run, with the `name`, `message` and `stack` of the error that was thrown there. */
export class ResultError extends Error {
  readonly runId: string;
  readonly reason?: string;
  constructor(error: ErrorData, runId: string) {
    super(error.message);
    this.name = error.name;
    this.runId = runId;
    if (error.stack !== undefined) this.stack = error.stack;
    if (error.reason !== undefined) this.reason = error.reason;
  }
}

/** Runs of one job that are read at most. Read the results of a bigger job with `client.results(..)`, which streams. */
const MOST_RUNS = 20_000;

/**
 * Reads the result that a job ends with. Parts that have not ended yet read as pending.
 * @throws FanfoldError `job_not_found`, `too_many_children` above 20,000 runs
 * @example const sum = await jobResult(client, jobId); sum.get(); sum.parent?.join();
 */
export async function jobResult(source: ResultSource, jobId: string): Promise<Result> {
  const job = await source.job(jobId);
  if (job === undefined) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  const groups = new Map<string, Run[][]>();
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await source.runs(jobId, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
    for (const run of page.items) {
      const members = groups.get(run.groupId) ?? [];
      groups.set(run.groupId, members);
      (members[run.index] ??= []).push(await withValue(source, run));
    }
    count += page.items.length;
    if (count > MOST_RUNS)
      throw new FanfoldError(
        "too_many_children",
        `job ${jobId} has more than ${MOST_RUNS} runs: read its results as a stream`,
      );
    cursor = page.cursor;
  } while (cursor !== undefined);
  return memberResult({ groups, ended: hasEnded(job) }, jobId, 0);
}
/** Returns the run with its value. Lists leave out a value that is stored as a blob. */
async function withValue(source: ResultSource, run: Run): Promise<Run> {
  const missing = run.status === "success" && run.value === undefined && run.collects === undefined;
  return missing ? ((await source.run(run.runId)) ?? run) : run;
}

interface Runs {
  /** Rows by group and member. The rows of a member are the steps of its strand, in order. */
  readonly groups: ReadonlyMap<string, readonly (readonly Run[] | undefined)[]>;
  readonly ended: boolean;
}

/** Returns the last result of the strand of a member, with the earlier steps as parents. */
function memberResult(runs: Runs, gid: string, index: number): Result {
  const strand = runs.groups.get(gid)?.[index] ?? [];
  let result: Result | undefined;
  for (const run of strand) result = runResult(runs, run, result);
  const last = strand.at(-1);
  if (result !== undefined && !last?.next) return result;
  // The next step has no row yet, or will never have one because the step before it failed.
  return build({
    id: runIdOf(gid, index, strand.length),
    children: [],
    ...(result && { parent: result }),
    ...statusWithoutRow(runs, result),
  });
}
/** Returns how a step without a row ends: as the failed step before it, else as cancelled when its job has ended. */
function statusWithoutRow(runs: Runs, before: Result | undefined): Pick<Result, "status" | "error"> {
  if (before?.ready && !before.successful)
    return { status: before.status, error: before.members ? dependencyError(before.error, before.id) : before.error };
  return runs.ended ? { status: "cancelled", error: REVOKED } : { status: "pending" };
}
function groupMembers(runs: Runs, gid: string): Result[] {
  const members = runs.groups.get(gid) ?? [];
  return Array.from(members, (strand, index) => (strand?.[0]?.followed ? [] : [memberResult(runs, gid, index)])).flat();
}

function runResult(runs: Runs, run: Run, parent: Result | undefined): Result {
  const group = run.collects ?? (run.task === undefined && run.takes === "group" ? run.childGroup : undefined);
  return build({
    id: run.runId,
    ...(run.task !== undefined && { task: run.task }),
    status: run.status,
    ...(parent && { parent }),
    children: groupMembers(runs, linkGroupOf(run.runId, "links")),
    ...(group !== undefined && { members: groupMembers(runs, group) }),
    ...(run.value !== undefined && group === undefined && { value: run.value }),
    ...(isFailure(run.status) && { error: errorOf(run) }),
  });
}
const REVOKED: ErrorData & { readonly runId?: string } = {
  name: "TaskRevokedError",
  message: "the run was cancelled before it ended",
  reason: "cancelled",
};

function errorOf(run: Run): ErrorData & { readonly runId?: string } {
  const error: ErrorData & { readonly runId?: string } = run.error ?? REVOKED;
  if (run.status === "cancelled") return { ...REVOKED, ...(error.reason !== undefined && { reason: error.reason }) };
  const ofChildren =
    run.task !== undefined && run.takes !== "replace" && error.runId !== undefined && error.runId !== run.runId;
  return ofChildren ? dependencyError(error, run.runId) : error;
}
function dependencyError(error: Result["error"], id: string): ErrorData & { readonly runId: string } {
  const { runId = id, name, message } = { ...REVOKED, ...error };
  return {
    name: "ChordError",
    message: `Dependency ${runId} raised ${name}(${JSON.stringify(message)})`,
    reason: "dependency",
    runId,
  };
}

type Parts = Pick<Result, "id" | "task" | "status" | "parent" | "children" | "members" | "value" | "error">;

function build(parts: Parts): Result {
  const { id, status, members, error } = parts;
  const ready = isTerminal(status);
  const successful = isSuccess(status);
  const unfinished = (): FanfoldError =>
    new FanfoldError("job_unfinished", `run ${id} has not ended`, { details: { runId: id } });
  const join: Result["join"] = ({ propagate = true } = {}) => {
    if (members === undefined) return [own()];
    return members.map((member) => {
      if (!member.ready) throw unfinished();
      if (propagate) return ownValue(member);
      return member.successful ? ownValue(member) : new ResultError(member.error ?? REVOKED, member.id);
    });
  };
  const own = (): Json => {
    if (!ready) throw unfinished();
    if (members !== undefined) return join() as Json[];
    if (!successful) throw new ResultError(error ?? REVOKED, error?.runId ?? id);
    return parts.value ?? null;
  };
  const result: Result & { readonly [ownKey]: () => Json } = {
    ...parts,
    ready,
    successful,
    failed: members === undefined ? status === "error" || status === "broken" : members.some((member) => member.failed),
    waiting: !ready,
    completedCount: members === undefined ? Number(successful) : members.filter((member) => member.successful).length,
    get() {
      for (const parent of parentsOf(result).toReversed()) if (parent.ready && !parent.successful) throwError(parent);
      return own();
    },
    join,
    *collect({ intermediate = false } = {}) {
      if (!ready && !intermediate) throw unfinished();
      yield [result, ready ? own() : undefined];
      if (ready) for (const child of result.children) yield* child.collect({ intermediate });
    },
    [ownKey]: own,
  };
  return result;
}
const ownKey = Symbol("own");
function ownValue(result: Result): Json {
  return (result as Result & { readonly [ownKey]: () => Json })[ownKey]();
}
/** Throws the error of a result. For a group it is the error of its first failed member. */
function throwError(result: Result): never {
  const member = result.members?.find(({ ready, successful }) => ready && !successful);
  if (member !== undefined) {
    if (member.members !== undefined) throwError(member);
    throw new ResultError(member.error ?? REVOKED, member.id);
  }
  throw new ResultError(result.error ?? REVOKED, result.id);
}
/** Returns all parents of a result, nearest first. */
export function parentsOf(result: Result): readonly Result[] {
  return result.parent === undefined ? [] : [result.parent, ...parentsOf(result.parent)];
}
