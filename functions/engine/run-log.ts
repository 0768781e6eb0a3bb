import type { ErrorData } from "../core/invocation.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import type { Context } from "./context.ts";
import { detailKey, ITEM_VERSION, type Run, type RunError } from "./items.ts";

interface LogLine {
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly fields?: JsonObject;
}
const HALF = LIMITS.logLines / 2;

/** A run's log: head and tail, written once, before the commit, and only when there is something in it. The stack of an error goes with it. */
export class RunLog {
  readonly #head: LogLine[] = [];
  #tail: LogLine[] = [];
  #dropped = 0;
  #stack: string | undefined;
  #kept = false;

  add(at: number, level: string, message: string, fields?: JsonObject): void {
    const line = { at, level, message: String(message).slice(0, LIMITS.logLineCharacters), ...(fields ? { fields } : {}) };
    if (this.#head.length < HALF) this.#head.push(line);
    else {
      this.#tail.push(line);
      if (this.#tail.length > HALF * 2) {
        this.#dropped += HALF;
        this.#tail = this.#tail.slice(HALF);
      }
    }
  }
  /** Short form for the row; the stack is kept with the log. */
  async keepError(context: Context, run: Run, error: ErrorData): Promise<RunError> {
    this.#stack = error.stack?.slice(0, LIMITS.errorStackCharacters);
    await this.keep(context, run);
    return shortError(error, run.runId);
  }
  async keep(context: Context, run: Run): Promise<void> {
    if (this.#kept || (this.#head.length === 0 && this.#stack === undefined)) return;
    this.#kept = true;
    const overflow = Math.max(0, this.#tail.length - HALF);
    const log = [...this.#head, ...this.#tail.slice(overflow)] as unknown as Json[];
    const attributes = { v: ITEM_VERSION, jobId: run.jobId, ttl: run.ttl, log, dropped: this.#dropped + overflow, stack: this.#stack };
    await context.store.write({ op: "put", key: detailKey(run.runId, run.round, run.attempt), attributes });
  }
}

function shortError(error: ErrorData, runId: string): RunError {
  return {
    runId,
    name: error.name.slice(0, LIMITS.nameCharacters),
    message: error.message.slice(0, 400),
    ...(error.reason === undefined ? {} : { reason: error.reason.slice(0, LIMITS.nameCharacters) }),
    ...(error.retryable === undefined ? {} : { retryable: error.retryable }),
  };
}
