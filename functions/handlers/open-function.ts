import type { Context } from "aws-lambda";
import { type MetricName, METRICS } from "../core/names/metric-names.ts";
import type { TaskRegistry } from "../core/task/invocation.ts";
import { DEFAULT_CONFIG, type EngineConfig } from "../engine/config.ts";
import type { Engine } from "../engine/contract.ts";
import { createEngine } from "../engine/engine.ts";
import type { JobState } from "../engine/job-views.ts";
import type { BlobLinks, Executions, Ports, SchedulePorts, Supervisions, Tokens, Watch } from "../engine/ports.ts";
import type { Log } from "../host/log.ts";
import { openTracing } from "../host/tracing.ts";
import { TaskCounts } from "../host/task-counts.ts";
import { type DeployedCode, loadTasks } from "./deployed-code.ts";
import { setLineSink } from "../sdk/console-capture.ts";
import type { Environment } from "./environment.ts";
import { functionSecrets, type ReadSecret } from "./function-secrets.ts";
import { InvocationClock } from "./invocation-clock.ts";
import { jsonLog, metricsLine, type Print, taskMetricsLines } from "./report.ts";
import type { VisibilityPort } from "./visibility.ts";

/** What the ports have used since the process began. */
export interface Usage {
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Messages sent. */
  readonly sends: number;
}
/** The platform of a function: the engine's ports without time and tasks, and the ports that only handlers use. */
export interface Platform extends Pick<Ports, "store" | "queue" | "blobs" | "ids"> {
  readonly tokens?: Tokens;
  readonly executions?: Executions;
  readonly supervisions?: Supervisions;
  readonly blobLinks?: BlobLinks;
  readonly visibility: VisibilityPort;
  /** Reads a secret of the function. */
  readonly readSecret?: ReadSecret;
  usage(): Usage;
}
/** Everything a function needs beside its code. Tests give their own; a deployed function opens AWS. */
export interface Surroundings {
  readonly environment: Environment;
  readonly platform: Platform;
  readonly print: Print;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly engine?: Partial<EngineConfig>;
}
/** Opens the platform. `wanted` names the ports that not every function may use. */
export type Open = (wanted: Wanted) => Promise<Surroundings>;
export interface Wanted {
  readonly tokens?: true;
  readonly executions?: true;
  readonly supervisions?: true;
}

/** An engine in a function, made once per process. */
export interface FunctionEngine {
  readonly engine: Engine;
  readonly registry: TaskRegistry & { names(): readonly string[] };
  readonly environment: Environment;
  readonly platform: Platform;
  readonly config: EngineConfig;
  readonly log: Log;
  readonly now: () => number;
  /** Does the work of one invocation. Its usage and metrics become one line of the log, and no pause outlives it. */
  readonly invocation: <T>(
    context: Pick<Context, "awsRequestId">,
    work: (report: Reporting) => Promise<T>,
  ) => Promise<T>;
}
export interface Reporting {
  add(metric: MetricName, value: number): void;
  field(name: string, value: unknown): void;
}

/**
 * Opens the engine while the process starts. A failure is thrown by the invocations, so the process itself does not
 * end.
 */
export function openFunction(
  code: DeployedCode,
  open: Open,
  wanted: Wanted = {},
  schedules?: SchedulePorts,
): Promise<FunctionEngine> {
  const opening = openNow(code, open, wanted, schedules);
  opening.catch(() => undefined);
  return opening;
}
async function openNow(
  code: DeployedCode,
  open: Open,
  wanted: Wanted,
  schedules: SchedulePorts | undefined,
): Promise<FunctionEngine> {
  const { environment, platform, print, now, engine: overrides } = await open(wanted);
  const { registry, runner } = loadTasks(
    code,
    platform.readSecret && functionSecrets(environment.secrets, platform.readSecret, now),
  );
  const tracing = await openTracing();
  const clock = new InvocationClock(now);
  const { schedules: named, parkedSites } = code;
  const config = { ...DEFAULT_CONFIG, ...environment.engine, schedules: named, parkedSites, ...overrides };
  const counted = { ...NOTHING_COUNTED };
  const tasks = new TaskCounts();
  const log = jsonLog(print, { function: environment.functionName });
  setLineSink((level, message, { task, jobId, runId, attempt }, fields) =>
    log(level, message, { task, jobId, runId, attempt, ...(fields && { fields }) }),
  );
  const watch: Watch = {
    runsFailed: ({ length }) => (counted.failedRuns += length),
    jobEnded: (state) => {
      counted.jobs++;
      if (FAILED_JOBS.has(state)) counted.failedJobs++;
    },
    counted: (metric, task, site, by) => tasks.add(metric, task, site, by),
    repaired: (_gid, _kind, times) => {
      counted.repairs++;
      if (times >= STUCK_AFTER) counted.stuck++;
    },
    gaveUp: (queue: string, reason: string): void => {
      counted.gaveUp++;
      log("error", "a message was given up; `fanfold dead-letters` lists it", { queue, reason });
    },
  };
  const { store, blobs, ids, tokens, executions } = platform;
  const around = { queue: tracing.queue(platform.queue), runner: tracing.runner(runner) };
  const rare = { ...(tokens && { tokens }), ...(executions && { executions }), ...(schedules && { schedules }) };
  const engine = tracing.engine(
    createEngine({ store, blobs, ids, clock, registry, watch, ...around, ...rare }, config),
  );
  const flush = (): Promise<unknown> => Promise.all([engine.flushStatistics(), tracing.flush()]);
  const invocation = invocationOf(flush, { environment, platform, print, now }, clock, { counted, tasks });
  return { engine, registry, environment, platform, config, now, log, invocation };
}
function invocationOf(
  flush: () => Promise<unknown>,
  { environment, platform, print, now }: Pick<Surroundings, "environment" | "platform" | "print" | "now">,
  clock: InvocationClock,
  { counted, tasks }: { readonly counted: Record<keyof typeof NOTHING_COUNTED, number>; readonly tasks: TaskCounts },
): FunctionEngine["invocation"] {
  return async ({ awsRequestId }, work) => {
    const before = { ...platform.usage() };
    const startedAt = now();
    Object.assign(counted, NOTHING_COUNTED);
    const metrics: Partial<Record<MetricName, number>> = {};
    const fields: Record<string, unknown> = { requestId: awsRequestId };
    const report: Reporting = {
      add: (metric, value) => (metrics[metric] = (metrics[metric] ?? 0) + value),
      field: (name, value) => (fields[name] = value),
    };
    try {
      return await work(report);
    } finally {
      await inTime(flush());
      clock.endPauses();
      const used = platform.usage();
      report.add(METRICS.writeUnits, used.writeUnits - before.writeUnits);
      report.add(METRICS.readUnits, used.readUnits - before.readUnits);
      report.add(METRICS.sends, used.sends - before.sends);
      report.add(METRICS.repairs, counted.repairs);
      report.add(METRICS.stuckGroups, counted.stuck);
      report.add(METRICS.dead, counted.gaveUp);
      // Absent where nothing has ended: these are of the whole deployment, and each function would add to their price.
      for (const metric of ["failedRuns", "jobs", "failedJobs"] as const)
        if (counted[metric] > 0) report.add(METRICS[metric], counted[metric]);
      const endedAt = now();
      const source = { deployment: environment.prefix, function: environment.functionName };
      print(metricsLine(source, endedAt, metrics, { ...fields, ms: endedAt - startedAt }));
      for (const line of taskMetricsLines(source, endedAt, tasks.take(), awsRequestId)) print(line);
    }
  };
}
/** The least time that is left when a batch answers is longer than this (sqs-batch.ts). */
const FLUSH_MS = 1_000;
/** Waits for a flush, but not until the invocation is ended. What is not written by then may be lost. */
async function inTime(flush: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS);
  });
  await Promise.race([flush, late]);
  clearTimeout(timer);
}
const NOTHING_COUNTED = { repairs: 0, stuck: 0, gaveUp: 0, failedRuns: 0, jobs: 0, failedJobs: 0 };
const FAILED_JOBS: ReadonlySet<JobState> = new Set(["failure", "timed-out"]);
/** Repairs of the same work, without effect, after which it counts as stuck. */
const STUCK_AFTER = 2;
