import type * as z from "zod/v4/core";
import type { Dedupe, DependencySource, FailurePolicy, Tracking } from "../core/canvas/canvas.ts";
import { readDependsOn } from "../core/canvas/depends-on.ts";
import { readDedupe, readScope, readSignatureOptions, readTracking } from "../core/canvas/signature-options.ts";
import { FanfoldError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { KnownQueue } from "../core/names/known-names.ts";
import { nameProblem } from "../core/names/names.ts";
import { parseQueueName } from "../core/names/queue-name.ts";
import { type RetryPolicy, retryPolicy } from "../core/retry-policy.ts";
import type { TaskInfo } from "../core/task/invocation.ts";
import { readRedact } from "../core/task/redact.ts";
import type { LogLevel } from "./console-capture.ts";
import { readTiers, type RetryTiers } from "../core/tiers.ts";
import { type LimitSettings, limitsPart } from "./limit-settings.ts";

/**
 * Longest attempt of a task that declares no timeout, in seconds. It is the limit of Lambda, so that a task behaves the
 * same wherever it runs.
 */
export const DEFAULT_TIMEOUT_SECONDS = 900;

/** The type of `ctx.kwargs` for a schema. Without a schema the keyword arguments pass through as they are. */
export type KwargsOf<Schema> = Schema extends z.$ZodObject ? z.output<Schema> : JsonObject;
/** Settings of a task, apart from its work. */
export interface TaskSettings extends LimitSettings {
  /** Unique among all tasks of a deployment, 1 to 200 characters without white space. By custom `area.verb`. */
  readonly name: string;
  /**
   * Whole number from 0, raised when results change. Ends that a lower version of the task has made are outdated. The
   * outdated part of what runs depend on is made anew when somebody asks (docs/guide-ledger.md). A process with a lower
   * version neither makes newer ends anew nor runs what a newer one has begun. Default 0.
   */
  readonly version?: number;
  /**
   * Queue of the task unless a signature names one: `site.queue#function` or a short form. Default: the default queue.
   */
  readonly queue?: KnownQueue;
  /** Longest duration of one attempt, in seconds. Default 900. */
  readonly timeout?: number;
  /**
   * Fields of the retry policy. Default: one attempt. `ctx.retry` counts as an attempt, so a task that uses it needs
   * `maxAttempts`.
   */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * `true` passes group results in the first argument as a handle, and `ctx.results()` reads them. Default `false`: the
   * argument is the list of results, up to 16 MB.
   */
  readonly streamsResults?: boolean;
  /** `true` neither checks nor stores the value. Default `false`. */
  readonly ignoreResult?: boolean;
  /**
   * A retry waits, for at most 10 seconds, until the code of a timed-out attempt has ended, so the two do not overlap.
   * `true` says that overlap is harmless, and lets the retry begin at its time.
   */
  readonly mayOverlap?: boolean;
  /**
   * What is stored for the members of a group whose tasks all declare this level, unless the group names one. `full`,
   * `lazy` (the default), or the cheaper `result` and `ledger`, for tasks that may run twice without harm
   * (docs/guarantees.md). A task that spawns children, streams, or runs for long should use `lazy`.
   */
  readonly tracking?: Tracking;
  /**
   * Which run of the task with the same arguments is taken in place of another one, across jobs (docs/guide-ledger.md).
   * `"running"` takes one that has not ended, a number also one that ended well at most so many seconds ago, and
   * `"forever"` any that ended well and is kept. Default `"none"`. A signature may say otherwise.
   */
  readonly dedupe?: Dedupe;
  /**
   * Who shares these runs: `"deployment"` (the default), `"site"`, `"principal"`, or any other text. Runs of different
   * scopes are never shared.
   */
  readonly scope?: string;
  /**
   * Places in the arguments that hold secrets: `/kwargs/password`, `/args/0/token`. The API, the command line and the
   * dashboard show `[redacted]` there. The value is stored, and the task receives it.
   */
  readonly redact?: readonly string[];
  /**
   * `true` puts the runs that jobs share into the list of identities (`GET /identities`). It costs one write unit for
   * each, and one for each blob among its arguments. Default `false`.
   */
  readonly listed?: boolean;
  /**
   * When ends that an earlier version has made are made anew: `"lazy"` (the default) when somebody asks, `"eager"` once a
   * worker with the higher version runs. `"eager"` lists the runs, as `listed` does.
   */
  readonly refresh?: "lazy" | "eager";
  /**
   * What goes into the log of a run: `"ctx"` (the default) what the task gives to `ctx.log`, `"console"` also what its
   * code and its libraries print. On AWS the lines are then in the log of the function as well, as JSON with the ids of
   * job and run.
   */
  readonly logs?: "ctx" | "console";
  /** Least level of a line that is kept. Default `"debug"`, which keeps all. */
  readonly logLevel?: LogLevel;
  /**
   * When a failed run that jobs share runs again without being asked, after the retries of its attempts. `"snoop"`: after
   * 4 minutes until the third failure in a row, after 2 hours until the sixth, after 4,000 minutes until the ninth, also
   * when the task has called it broken. Default: when somebody asks.
   */
  readonly tiers?: "snoop" | RetryTiers;
  /** Runs that jobs share, and that must have ended before a run of this task starts: `ctx.deps` has their values. */
  readonly dependsOn?: { readonly [name: string]: DependencySource };
  /**
   * When the children that the task spawns or streams have failed, which then fails the run. Default `settled`: never.
   */
  readonly policy?: FailurePolicy;
}

/** What a task says of its logs. */
export interface LogSettings {
  readonly capturesConsole: boolean;
  readonly level: LogLevel;
}
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
/** Returns the settings of logs, and throws `invalid_request` for those that are wrong. */
export function logSettings({ name, logs = "ctx", logLevel = "debug" }: TaskSettings, isBulk: boolean): LogSettings {
  if (logs !== "ctx" && logs !== "console") throw invalid("/logs", `logs of ${name} must be "ctx" or "console"`);
  if (logs === "console" && isBulk)
    throw invalid("/logs", `logs of the bulk task ${name}: what it prints belongs to no single run; use run.log`);
  if (!LOG_LEVELS.includes(logLevel))
    throw invalid("/logLevel", `logLevel of ${name} must be one of ${LOG_LEVELS.join(", ")}`);
  return { capturesConsole: logs === "console", level: logLevel };
}

/** Returns what the engine knows of a task. Throws `invalid_request` for settings that are wrong. */
export function taskInfo(settings: TaskSettings, run: unknown): TaskInfo {
  const {
    name,
    version = 0,
    queue,
    timeout = DEFAULT_TIMEOUT_SECONDS,
    retry,
    streamsResults = false,
    ignoreResult = false,
    mayOverlap = false,
    tracking,
    dedupe,
    scope,
    dependsOn,
    listed = false,
    refresh = "lazy",
    tiers,
    redact,
  } = settings;
  const problem = nameProblem(name);
  if (problem !== undefined) throw invalid("/name", `the name of a task ${problem}`);
  if (!Number.isSafeInteger(version) || version < 0)
    throw invalid("/version", `the version of ${name} must be a whole number from 0`);
  if (refresh !== "lazy" && refresh !== "eager")
    throw invalid("/refresh", `the refresh of ${name} must be "lazy" or "eager"`);
  if (typeof listed !== "boolean") throw invalid("/listed", `listed of ${name} must be true or false`);
  if (!(timeout > 0 && Number.isFinite(timeout)))
    throw invalid("/timeout", `the timeout of ${name} must be a number of seconds above 0`);
  // Only the form can be checked here, because sites belong to the deployment.
  if (queue !== undefined) parseQueueName(queue, { site: "site" }, "/queue");
  return {
    name,
    version,
    ...(queue !== undefined && { queue }),
    timeoutSeconds: timeout,
    retry: retryPolicy(retry),
    streamsResults,
    ignoreResult,
    ...(mayOverlap && { mayOverlap }),
    ...(tracking !== undefined && { tracking: readTracking(tracking, "/tracking") }),
    ...(dedupe !== undefined && { dedupe: readDedupe(dedupe, "/dedupe") }),
    ...(scope !== undefined && { scope: readScope(scope, "/scope") }),
    ...((listed || refresh === "eager") && { listed: true as const }),
    ...(refresh === "eager" && { refresh }),
    ...(tiers !== undefined && { tiers: readTiers(tiers, "/tiers") }),
    ...(dependsOn !== undefined && { dependsOn: readDependsOn(dependsOn, "/dependsOn", readSignatureOptions) }),
    ...(redact !== undefined && { redact: readRedact(redact, "/redact") }),
    ...limitsPart(settings),
    ...(Object.prototype.toString.call(run) === "[object AsyncGeneratorFunction]" && { streams: true as const }),
  };
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
