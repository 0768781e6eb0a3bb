import type * as z from "zod/v4/core";
import { FanfoldError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { type BulkInfo, type BulkLimits, readBulk } from "../core/task/bulk.ts";
import type { ResourceContext } from "./resource.ts";
import type { TaskContext, TaskLog } from "./task-context.ts";
import type { KwargsOf, TaskSettings } from "./task-settings.ts";

/** One run of a bulk call. */
export interface BulkRun<Args extends readonly unknown[] = readonly unknown[], Kwargs = JsonObject> {
  /** Positional id of the run, the same for every attempt. Use it as a key wherever an effect must not happen twice. */
  readonly id: string;
  readonly jobId: string;
  readonly args: Args;
  readonly kwargs: Kwargs;
  /** 1 for the first call that had this run. A call that failed as a whole counts, though it costs the run no failure. */
  readonly attempt: number;
  readonly stamps: JsonObject;
  /** Values of the dependencies that the task or the signature declares, by name. */
  readonly deps: TaskContext["deps"];
  /** Aborts when this run is cancelled, or taken over. Its outcome does not count then. */
  readonly signal: AbortSignal;
  readonly log: TaskLog;
}
/** How one run of a bulk call has ended. `TaskBroken` breaks it, any other error follows its retry policy. */
export type BulkRunOutcome<Value = unknown> = { readonly value: Value } | { readonly error: Error | string };

/** What the code of a bulk task, and its hooks, are told of the process that calls them. */
export interface BulkContext extends ResourceContext {
  readonly task: string;
  readonly site: string;
  readonly queue: string;
  /** When the call is stopped, in milliseconds since the epoch. */
  readonly deadline: number;
  /** Aborts at the deadline, and when the process must stop. */
  readonly signal: AbortSignal;
}

/** The definition of a bulk task, whose code is called once for many runs. */
export interface BulkTaskDefinition<
  Args extends readonly unknown[],
  Value,
  Kwargs extends z.$ZodObject | undefined,
> extends Omit<TaskSettings, "streamsResults" | "tracking" | "policy"> {
  /**
   * How many runs share one call. `{}` takes the defaults: 300 runs, 30 MiB of input, and a wait of 63 seconds for
   * others.
   */
  readonly bulk: Partial<BulkLimits>;
  /** Schema of the keyword arguments, applied to each run. A run that does not fit fails, and is not in the call. */
  readonly kwargs?: Kwargs;
  /** `z.tuple(..)` of the positional arguments, applied to each run. */
  readonly args?: z.$ZodType<Args>;
  /**
   * The work. It returns an outcome for each run, in their order. When it throws, or returns anything else, it is called
   * again with each half of the runs, down to one. That one then fails, and the others keep their number of failures.
   */
  readonly run: (
    ctx: BulkContext,
    runs: readonly BulkRun<Args, KwargsOf<Kwargs>>[],
  ) => readonly BulkRunOutcome<Value>[] | Promise<readonly BulkRunOutcome<Value>[]>;
  /** Runs once before the calls of a pass, at most 60 seconds. While it throws, nothing is called. */
  readonly beforePass?: (ctx: BulkContext) => unknown;
  /** Runs after the last call of a pass, at most 60 seconds, also when calls have failed. */
  readonly afterPass?: (ctx: BulkContext) => unknown;
}
/** A bulk task, whatever its types. */
export type AnyBulkDefinition = BulkTaskDefinition<readonly unknown[], unknown, z.$ZodObject | undefined>;

/** Returns what the engine knows of a bulk task, and what it refuses. */
export function bulkInfo(definition: AnyBulkDefinition): BulkInfo {
  const { name, run, beforePass, afterPass } = definition;
  if (typeof run === "function" && /AsyncGeneratorFunction|GeneratorFunction/.test(Object.prototype.toString.call(run)))
    throw invalid("/run", `the bulk task ${name} cannot stream: return an outcome for each run`);
  for (const field of ["streamsResults", "tracking", "policy"])
    if (field in definition) throw invalid(`/${field}`, `${field} means nothing for the bulk task ${name}`);
  for (const [hook, given] of Object.entries({ beforePass, afterPass }))
    if (given !== undefined && typeof given !== "function") throw invalid(`/${hook}`, `${hook} must be a function`);
  return { ...readBulk(definition.bulk, "/bulk"), ...((beforePass ?? afterPass) && { passes: true as const }) };
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
