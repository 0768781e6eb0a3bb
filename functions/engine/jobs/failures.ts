import { LIMITS } from "../../core/limits.ts";
import { isFailure } from "../../core/plan/run-state.ts";
import { cut } from "../../core/task/error-data.ts";
import type { Context } from "../context.ts";
import { attributesOf, eventKey, ITEM_VERSION, type Owned, type Run } from "../item-kinds.ts";
import type { JobEventAttributes } from "../items/job-event-items.ts";
import { absent, lt, or } from "../items/conditions.ts";
import {
  type FailureAttributes,
  failureKey,
  type FailureKindAttributes,
  failureKindKey,
} from "../items/failure-items.ts";
import type { PutOp, UpdateOp } from "../ports.ts";

/** What failures are grouped by. */
export interface FailureKind {
  readonly task: string;
  /** The reason of the error, or its name when it has none. */
  readonly reason: string;
}

/**
 * Writes the event of each failed task run, and its entry in the index of failures. Both are written before any group
 * decides by the failure, and before the message is acknowledged. So the end of the job finds its first failure, and a
 * failure whose writer died is written by the next follow-up. Keys are deterministic, so a repeated follow-up writes
 * the same items. Costs two write units a failure, and one more for a kind that this process has not met for a day.
 */
export async function noteFailures(context: Context, runs: readonly Run[]): Promise<void> {
  const failures = runs.filter((run) => run.task !== undefined && isFailure(run.status));
  if (failures.length === 0) return;
  const listed = failures.filter(isListed);
  const kinds = kindOps(context, listed);
  try {
    const results = await context.store.writeMany([
      ...failures.map(eventOp),
      ...listed.map((run) => entryOp(context, run)),
      ...kinds.map(({ op }) => op),
    ]);
    const failed = failures.filter(({ status }, k) => results[k]?.applied && status !== "cancelled");
    if (failed.length > 0) context.watch?.runsFailed(failed);
  } catch (error) {
    // Another follow-up may have relied on these writes. The message of these runs is delivered again, and writes them.
    for (const { text } of kinds) context.failureKinds.forget(text);
    throw error;
  }
}

/** A run that was cancelled has not failed, unless it was cancelled because nobody started it in time. */
function isListed({ status, error }: Run): boolean {
  return status !== "cancelled" || error?.reason === "expired";
}
function kindOf({ task = "", error }: Pick<Run, "task" | "error">): FailureKind {
  return { task, reason: error?.reason ?? error?.name ?? "unknown" };
}
/**
 * Returns a kind as part of a key. Names that are long, or have other than printable ASCII characters, become hashes.
 * `#` only separates, so all kinds of a task are neighbours.
 */
export function failureKindText(context: Pick<Context, "ids">, { task, reason }: FailureKind): string {
  return `${keyText(context, task)}#${keyText(context, reason)}`;
}
export function keyText({ ids }: Pick<Context, "ids">, text: string): string {
  return PLAIN.test(text) ? text : `~${ids.hash(text).slice(0, 32)}`;
}
const PLAIN = /^[\x21\x22\x24-\x7d]{1,200}$/;

function eventOp(run: Run): PutOp {
  const at = run.endedAt ?? 0;
  const attributes: JobEventAttributes = {
    ...ownedByRun(run),
    at,
    kind: "failure",
    runId: run.runId,
    status: run.status,
    ...(run.task !== undefined && { task: run.task }),
    ...(run.error && { error: run.error }),
  };
  return {
    op: "put",
    key: eventKey(run.jobId, at, `${run.runId}#${run.round}`),
    attributes: attributesOf(attributes),
    when: absent(),
  };
}
function entryOp(context: Context, run: Run): PutOp {
  const { endedAt: at = 0, runId, round, error } = run;
  const attributes: FailureAttributes = {
    ...ownedByRun(run),
    at,
    runId,
    round,
    name: error?.name ?? "Failed",
    message: cut(error?.message ?? "", LIMITS.causeMessageCharacters),
  };
  return {
    op: "put",
    key: failureKey(failureKindText(context, kindOf(run)), at, runId),
    attributes: attributesOf(attributes),
    when: absent(),
  };
}

/** A kind stays in the directory for a day longer than its newest failure, so most failures need not renew it. */
const KIND_SLACK_SECONDS = 86_400;
interface KindOp {
  readonly text: string;
  readonly op: UpdateOp;
}
function kindOps(context: Context, runs: readonly Run[]): readonly KindOp[] {
  const ops = new Map<string, KindOp>();
  for (const run of runs) {
    const kind = kindOf(run);
    const text = failureKindText(context, kind);
    const until = run.ttl + KIND_SLACK_SECONDS;
    if (context.failureKinds.knownUntil(text) >= run.ttl) continue;
    const set: FailureKindAttributes = { v: ITEM_VERSION, ttl: until, ...kind };
    const op = {
      op: "update",
      key: failureKindKey(text),
      change: { set: attributesOf(set) },
      when: or(absent(), lt("ttl", until)),
    } as const;
    ops.set(text, { text, op });
    context.failureKinds.remember(text, until);
  }
  return [...ops.values()];
}
const ownedByRun = ({ jobId, ttl }: Run): Owned => ({ v: ITEM_VERSION, jobId, ttl });

/** Remembers until when the directory keeps the kinds of failures that this process has put there. */
export class FailureKindCache {
  readonly #until = new Map<string, number>();

  knownUntil(kind: string): number {
    return this.#until.get(kind) ?? 0;
  }
  remember(kind: string, until: number): void {
    if (this.#until.size >= 4_096) this.#until.clear();
    this.#until.set(kind, until);
  }
  forget(kind: string): void {
    this.#until.delete(kind);
  }
}
