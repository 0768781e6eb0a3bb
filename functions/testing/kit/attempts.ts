import { FanfoldError } from "../../core/errors.ts";
import type { Canvas } from "../../core/canvas/canvas.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type {
  BulkCall,
  BulkOutcome,
  ErrorData,
  MaybePromise,
  TaskCall,
  TaskOutcome,
  TaskRunner,
} from "../../core/task/invocation.ts";

/** A line that a task wrote to its log. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields?: JsonObject;
}
/** One attempt of a task: what it was given, and what it did. */
export interface Attempt {
  readonly task: string;
  readonly runId: string;
  /** 1 for the first attempt of the run. */
  readonly attempt: number;
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
  readonly logs: readonly LogLine[];
  /** `success`, `failed`, `retry`, `deferred` and so on. Undefined while the attempt is under way, or when it was lost. */
  readonly outcome?: TaskOutcome["kind"];
  readonly value?: Json;
  readonly error?: ErrorData;
  /** What `ctx.count` added, by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Canvases that `ctx.spawn` and `ctx.replace` start. */
  readonly spawned: readonly Canvas[];
}

type Noted = { -readonly [Field in keyof Attempt]: Attempt[Field] } & { logs: LogLine[] };

/** Wraps a runner, and keeps every attempt that it runs. */
export class Attempts {
  readonly all: Attempt[] = [];
  readonly #running = new Set<Attempt>();
  /** Set when there were more attempts than permitted. */
  overrun: FanfoldError | undefined;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }
  /** Number of attempts whose code is running. */
  get active(): number {
    return this.#running.size;
  }
  /** Forgets what runs, since its process has died. */
  lose(): void {
    this.#running.clear();
  }
  readonly around = (runner: TaskRunner): TaskRunner => ({
    limits: (call) => runner.limits(call),
    runBulk: (call) => this.#runBulk(runner, call),
    runHook: (task, hook, call) => runner.runHook(task, hook, call),
    run: (call) => this.#run(runner, call),
  });

  #run(runner: TaskRunner, call: TaskCall): MaybePromise<TaskOutcome> {
    if (this.all.length >= this.#most) return this.#refuse(call);
    const noted = attemptOf(call);
    this.all.push(noted);
    this.#running.add(noted);
    const end = (outcome: TaskOutcome): TaskOutcome => {
      this.#running.delete(noted);
      return note(noted, outcome);
    };
    const running = runner.run(withServices(call, noting(call, noted.logs)));
    return running instanceof Promise ? running.then(end) : end(running);
  }
  /** Each run of a bulk call is an attempt of its own. A call that fails as a whole is a failed attempt of each. */
  async #runBulk(runner: TaskRunner, call: BulkCall): Promise<BulkOutcome> {
    const [first] = call.runs;
    if (first && this.all.length + call.runs.length > this.#most) {
      const outcomes = call.runs.map((run) => this.#refuse(run));
      return { kind: "called", outcomes };
    }
    const noted = call.runs.map(attemptOf);
    for (const each of noted) {
      this.all.push(each);
      this.#running.add(each);
    }
    const runs = call.runs.map((run, k) => withServices(run, noting(run, (noted[k] as Noted).logs)));
    const { task, site, queue, deadline, signal } = call;
    const ended = await runner.runBulk({
      task,
      site,
      queue,
      deadline,
      signal,
      runs,
      leave: (code) => call.leave(code),
    });
    noted.forEach((each, k) => {
      this.#running.delete(each);
      note(each, ended.kind === "called" ? (ended.outcomes[k] as TaskOutcome) : ended.outcome);
    });
    return ended;
  }
  #refuse({ task }: TaskCall): TaskOutcome {
    const message = `more than ${this.#most} attempts, the last of ${task}: is there a loop without an end? maxRuns permits more`;
    this.overrun ??= new FanfoldError("invalid_request", message, { details: { field: "maxRuns", task } });
    return { kind: "broken", error: { name: "FanfoldError", message, reason: "max_runs", retryable: false } };
  }
}

function attemptOf({ task, runId, attempt, args, kwargs }: TaskCall): Noted {
  return { task, runId, attempt, args, kwargs, logs: [], counts: {}, spawned: [] };
}
/** Returns the call with other services. The engine's call computes its fields on access, so they are read by name. */
function withServices(call: TaskCall, services: TaskCall["services"]): TaskCall {
  const { jobId, runId, groupId, index, step, attempt, round, task, args, kwargs, each } = call;
  const { stamps, headers, priority, site, queue, startedAt, deadline, signal, cursor, since, group, deps } = call;
  const what = { jobId, runId, groupId, index, step, attempt, round, task, args, kwargs, ...(each && { each }) };
  const where = { stamps, headers, priority, site, queue, startedAt, deadline, signal, cursor, since, group, deps };
  return { ...what, ...where, services };
}
function noting(call: TaskCall, logs: LogLine[]): TaskCall["services"] {
  const { services } = call;
  return {
    results: (group) => services.results(group),
    event: (name, timeoutSeconds) => services.event(name, timeoutSeconds),
    dependency: (name, dependency) => services.dependency(name, dependency),
    putBlob: (content, type) => services.putBlob(content, type),
    openBlob: (sha256) => services.openBlob(sha256),
    reportStream: () => services.reportStream(),
    reports: (runId) => services.reports(runId),
    load: (task, queue) => services.load(task, queue),
    leave: (code) => services.leave(code),
    log: (level, message, fields) => {
      logs.push({ level, message, ...(fields && { fields }) });
      services.log(level, message, fields);
    },
  };
}
/** Notes the outcome of an attempt, and returns it. */
export function note(noted: Noted, outcome: TaskOutcome): TaskOutcome {
  noted.outcome = outcome.kind;
  if ("value" in outcome && outcome.value !== undefined) noted.value = outcome.value;
  if ("error" in outcome && outcome.error !== undefined) noted.error = outcome.error;
  if (outcome.kind === "success") {
    noted.counts = outcome.counters ?? {};
    noted.spawned = outcome.spawned?.children ?? [];
  }
  return outcome;
}
