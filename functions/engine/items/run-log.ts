import type { JsonObject } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ErrorData } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import {
  asDetail,
  attributesOf,
  detailKey,
  detailPartition,
  ITEM_VERSION,
  type LogLine,
  type Run,
  type RunError,
} from "../item-kinds.ts";
import { shortError } from "./short-error.ts";

const HALF = LIMITS.logLines / 2;
/** Shared by the many runs that log nothing. */
const NO_LINES: LogLine[] = [];

/**
 * The log of an attempt: its first and its last lines, with the stack of its error. Written once, before the commit,
 * and only when there is something to write.
 */
export class RunLog {
  #head: LogLine[] = NO_LINES;
  #tail: LogLine[] = NO_LINES;
  #dropped = 0;
  #stack: string | undefined;
  #kept = false;

  add(at: number, level: string, message: string, fields?: JsonObject): void {
    const cut = { at, level, message: String(message).slice(0, LIMITS.logLineCharacters) };
    const line = fields && JSON.stringify(fields).length <= LIMITS.logLineCharacters ? { ...cut, fields } : cut;
    if (this.#head === NO_LINES) [this.#head, this.#tail] = [[], []];
    if (this.#head.length < HALF) this.#head.push(line);
    else {
      this.#tail.push(line);
      if (this.#tail.length > HALF * 2) {
        this.#dropped += HALF;
        this.#tail = this.#tail.slice(HALF);
      }
    }
  }
  get empty(): boolean {
    return this.#head.length === 0;
  }
  /** Stores the stack with the log, and returns the short form of the error for the row. */
  async keepError(context: Context, run: Run, error: ErrorData): Promise<RunError> {
    this.#stack = error.stack?.slice(0, LIMITS.errorStackCharacters);
    await this.keep(context, run);
    return { runId: run.runId, ...shortError(error) };
  }
  /** Stores the log unless it is empty or was stored before. One write. */
  async keep(context: Context, run: Run): Promise<void> {
    if (this.#kept || (this.#head.length === 0 && this.#stack === undefined)) return;
    this.#kept = true;
    const lines = [...this.#head, ...this.#tail.slice(-HALF)];
    const log = fitting(lines);
    const dropped = this.#dropped + this.#head.length + this.#tail.length - log.length;
    const attributes = attributesOf({
      v: ITEM_VERSION,
      jobId: run.jobId,
      ttl: run.ttl,
      log,
      dropped,
      stack: this.#stack,
    });
    await context.store.write({ op: "put", key: detailKey(run.runId, run.round, run.attempt), attributes });
  }
}

/** Returns the stack of the error that a run ended with, if one was stored. */
export async function stackOf(context: Context, runId: string): Promise<string | undefined> {
  const { items } = await context.store.query("tasks", detailPartition(runId), { limit: 1, descending: true });
  return items[0] && asDetail(items[0]).stack;
}

/** Returns as many lines from both ends as fit. Lines in the middle say least, so they are left out. */
function fitting(lines: readonly LogLine[]): LogLine[] {
  const head: LogLine[] = [];
  const tail: LogLine[] = [];
  let room = LIMITS.logCharacters;
  for (let from = 0, to = lines.length - 1; from <= to;) {
    const fromHead = head.length <= tail.length;
    const line = lines[fromHead ? from++ : to--] as LogLine;
    room -= JSON.stringify(line).length;
    if (room < 0) break;
    if (fromHead) head.push(line);
    else tail.unshift(line);
  }
  return [...head, ...tail];
}
