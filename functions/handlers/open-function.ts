import type { Context } from "aws-lambda";
import { type MetricName, METRICS } from "../core/names/metric-names.ts";
import type { TaskRegistry } from "../core/task/invocation.ts";
import { DEFAULT_CONFIG, type EngineConfig } from "../engine/config.ts";
import type { Engine } from "../engine/contract.ts";
import { createEngine } from "../engine/engine.ts";
import type { Executions, Ports, Supervisions, Tokens } from "../engine/ports.ts";
import type { Log } from "../host/log.ts";
import { type DeployedCode, loadTasks } from "./deployed-code.ts";
import type { Environment } from "./environment.ts";
import { InvocationClock } from "./invocation-clock.ts";
import { jsonLog, metricsLine, type Print } from "./report.ts";
import type { VisibilityPort } from "./visibility.ts";

/** What the ports have used since the process began. */
export interface Usage {
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Messages sent. */
  readonly sends: number;
}
/** The platform of a function: what is left of the engine's ports when time and tasks are taken out, and what only handlers use. */
export interface Platform extends Pick<Ports, "store" | "queue" | "blobs" | "ids"> {
  readonly tokens?: Tokens;
  readonly executions?: Executions;
  readonly supervisions?: Supervisions;
  readonly visibility: VisibilityPort;
  usage(): Usage;
}
/** Everything a function needs that is not its code. Tests give their own; a deployed function opens AWS. */
export interface Surroundings {
  readonly environment: Environment;
  readonly platform: Platform;
  readonly print: Print;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly engine?: Partial<EngineConfig>;
}
/** `wanted`: ports that not every function has a right to. */
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
  /** Work of one invocation. Its usage and metrics become one line of the log; no pause outlives it. */
  readonly invocation: <T>(context: Pick<Context, "awsRequestId">, work: (report: Reporting) => Promise<T>) => Promise<T>;
}
export interface Reporting {
  add(metric: MetricName, value: number): void;
  field(name: string, value: unknown): void;
}

/** Begins at once, while the process starts. What goes wrong is told by the invocations, and not by the end of the process. */
export function openFunction(code: DeployedCode, open: Open, wanted: Wanted = {}): Promise<FunctionEngine> {
  const opening = openNow(code, open, wanted);
  opening.catch(() => undefined);
  return opening;
}
async function openNow(code: DeployedCode, open: Open, wanted: Wanted): Promise<FunctionEngine> {
  const { environment, platform, print, now, engine: overrides } = await open(wanted);
  const { registry, runner } = loadTasks(code);
  const clock = new InvocationClock(now);
  const config = { ...DEFAULT_CONFIG, ...environment.engine, ...overrides };
  let repairs = 0;
  let stuck = 0;
  const watch = {
    repaired: (_gid: string, _kind: "sent" | "followed", times: number): void => {
      repairs++;
      if (times >= STUCK_AFTER) stuck++;
    },
  };
  const { store, queue, blobs, ids, tokens, executions } = platform;
  const rare = { ...(tokens && { tokens }), ...(executions && { executions }) };
  const engine = createEngine({ store, queue, blobs, ids, clock, registry, runner, watch, ...rare }, config);
  return {
    engine,
    registry,
    environment,
    platform,
    config,
    now,
    log: jsonLog(print, { function: environment.functionName }),
    async invocation({ awsRequestId }, work) {
      const before = { ...platform.usage() };
      const startedAt = now();
      repairs = stuck = 0;
      const metrics: Partial<Record<MetricName, number>> = {};
      const fields: Record<string, unknown> = { requestId: awsRequestId };
      const report: Reporting = {
        add: (metric, value) => (metrics[metric] = (metrics[metric] ?? 0) + value),
        field: (name, value) => (fields[name] = value),
      };
      try {
        return await work(report);
      } finally {
        clock.endPauses();
        const used = platform.usage();
        report.add(METRICS.writeUnits, used.writeUnits - before.writeUnits);
        report.add(METRICS.readUnits, used.readUnits - before.readUnits);
        report.add(METRICS.sends, used.sends - before.sends);
        report.add(METRICS.repairs, repairs);
        report.add(METRICS.stuckGroups, stuck);
        const endedAt = now();
        const source = { deployment: environment.prefix, function: environment.functionName };
        print(metricsLine(source, endedAt, metrics, { ...fields, ms: endedAt - startedAt }));
      }
    },
  };
}
/** Repairs of the same thing that had no effect before it counts as stuck. */
const STUCK_AFTER = 2;
