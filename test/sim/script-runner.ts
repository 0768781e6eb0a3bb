import type { Canvas } from "../../functions/core/canvas/canvas.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import { canonicalJson, type Json, type JsonObject } from "../../functions/core/json.ts";
import type { RetryPolicy } from "../../functions/core/retry-policy.ts";
import { OutcomeError } from "../../functions/core/task/error-data.ts";
import type {
  AwaitedEvent,
  AwaitedRun,
  BulkCall,
  BulkOutcome,
  DependencyEnd,
  DependencyLook,
  ErrorData,
  EventLook,
  ItemReport,
  HookCall,
  ResultEntry,
  StreamItem,
  TaskCall,
  TaskInfo,
  TaskOutcome,
  TaskRegistry,
  TaskRunner,
} from "../../functions/core/task/invocation.ts";
import type { PassHook } from "../../functions/core/task/bulk.ts";
import type { RunLimits } from "../../functions/core/task/run-limits.ts";
import { isReported } from "../../functions/core/task/reported-positions.ts";
import { PortError } from "../../functions/engine/ports.ts";
import { stateAt } from "./report-watch.ts";
import type { BulkWatch } from "./bulk-watch.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import { kindOfTask, sharedTask } from "./releases.ts";
import { KINDS, needName, type SharedWork } from "./shared-work.ts";
import { normalised, toldAs, valueOf } from "./values.ts";
import { behaviourIn, executionIn } from "./script-in-round.ts";
import { MAX_ATTEMPTS, TASKS } from "./workload.ts";
import type { Script, ScriptWait } from "./script.ts";

/** An observer of user code. */
export interface RunWatcher {
  started(call: TaskCall, process: SimProcess): void;
  collected(call: TaskCall, entries: readonly ResultEntry[]): void;
  ended(call: TaskCall, outcome: TaskOutcome): void;
  /** Reports when code of an attempt begins to execute, and when it stops. */
  runs(call: TaskCall, process: SimProcess, runs: boolean): void;
  /** Reports what an attempt learned of an event. */
  told(call: TaskCall, process: SimProcess, wait: ScriptWait, look: EventLook): void;
  /** Reports how an attempt was told that a shared run has ended. */
  consumed(call: TaskCall, kind: number, end: DependencyEnd): void;
  /** Reports that a bulk call begins, how it ended, and that a hook around such calls begins or ends. */
  readonly bulk: Pick<BulkWatch, "called" | "ended" | "hook">;
  /** Reports a generator that was asked to stop while it worked on its next item. */
  late(call: TaskCall): void;
}

const RETRY: RetryPolicy = {
  maxAttempts: MAX_ATTEMPTS,
  initialDelaySeconds: 3,
  backoffFactor: 2,
  maxDelaySeconds: 60,
  jitter: 0,
};
const INFO: TaskInfo = {
  name: TASKS.plain,
  version: 0,
  timeoutSeconds: 40,
  retry: RETRY,
  streamsResults: false,
  ignoreResult: false,
};
const INFOS = new Map<string, TaskInfo>([
  [TASKS.plain, INFO],
  [TASKS.streaming, { ...INFO, name: TASKS.streaming, streamsResults: true }],
  [TASKS.silent, { ...INFO, name: TASKS.silent, ignoreResult: true }],
  [TASKS.reporting, { ...INFO, name: TASKS.reporting, paths: { acceptsStreaming: true, countsTowardsJob: true } }],
  [TASKS.elsewhere, { ...INFO, name: TASKS.elsewhere, queue: "paris.high" }],
]);
for (let kind = 0; kind < KINDS; kind++) INFOS.set(sharedTask(kind), { ...INFO, name: sharedTask(kind) });
const BULK = { maxItems: 6, maxBytes: 1_000_000, maxSeconds: 2, passes: true } as const;
const WITH_BULK = new Map([...INFOS, [TASKS.bulk, { ...INFO, name: TASKS.bulk, bulk: BULK }]]);
export const SIM_REGISTRY: TaskRegistry = { info: (task) => INFOS.get(task) };
/** The same with a bulk task, for which the sweeper has more to do. */
export const BULK_REGISTRY: TaskRegistry = { info: (task) => WITH_BULK.get(task), hasBulk: () => true };

export function scriptOf(kwargs: JsonObject): Script {
  return kwargs["script"] as unknown as Script;
}
/** Returns the children of an attempt. A later attempt of user code may spawn other children. */
export function childrenOf(script: Script, attempt: number): readonly Canvas[] {
  const { children, varies } = script.spawn as NonNullable<Script["spawn"]>;
  return varies && attempt % 2 === 0 ? children.slice(1) : children;
}

/**
 * Runs the script in the signature in several steps of the scheduler. So leases expire and processes die in the middle.
 */
export class ScriptRunner implements TaskRunner {
  readonly #scheduler: Scheduler;
  readonly #process: SimProcess;
  readonly #watcher: RunWatcher;

  readonly #slowness: number;
  readonly #truthAsOne: boolean;
  readonly #dependency: SharedWork["dependency"];

  constructor(
    scheduler: Scheduler,
    process: SimProcess,
    watcher: RunWatcher,
    { slowness, shared, truthAsOne }: { slowness: number; shared: SharedWork; truthAsOne?: boolean },
  ) {
    this.#truthAsOne = truthAsOne === true;
    this.#slowness = slowness;
    this.#dependency = shared.dependency.bind(shared);
    this.#scheduler = scheduler;
    this.#process = process;
    this.#watcher = watcher;
  }

  /** All limits of the simulation are options of signatures. */
  limits(): RunLimits {
    return {};
  }
  async run(call: TaskCall): Promise<TaskOutcome> {
    this.#watcher.started(call, this.#process);
    this.#watcher.runs(call, this.#process, true);
    const outcome = await this.#play(call, scriptOf(call.kwargs));
    this.#watcher.runs(call, this.#process, false);
    this.#watcher.ended(call, outcome);
    return outcome;
  }

  async runBulk(call: BulkCall): Promise<BulkOutcome> {
    this.#watcher.bulk.called(call, this.#process);
    for (const run of call.runs) {
      this.#watcher.started(run, this.#process);
      this.#watcher.runs(run, this.#process, true);
    }
    const ended = await this.#playTogether(call);
    call.runs.forEach((run, k) => {
      this.#watcher.runs(run, this.#process, false);
      this.#watcher.ended(run, ended.kind === "called" ? (ended.outcomes[k] as TaskOutcome) : ended.outcome);
    });
    this.#watcher.bulk.ended(call, ended);
    if (ended.kind === "failed" || !this.#truthAsOne) return ended;
    return { kind: "called", outcomes: call.runs.map(() => ended.outcomes[0] as TaskOutcome) };
  }
  async runHook(_task: string, hook: PassHook, { queue, signal }: HookCall): Promise<void> {
    this.#watcher.bulk.hook(hook, queue, false);
    await this.#work({ runId: hook, signal }, 3);
    this.#watcher.bulk.hook(hook, queue, true);
  }
  /** Plays the scripts of a bulk call. One that fails makes the whole call fail, as long as it is in it. */
  async #playTogether(call: BulkCall): Promise<BulkOutcome> {
    const scripts = call.runs.map((run) => scriptOf(run.kwargs));
    const steps = Math.max(...scripts.map((script) => script.steps));
    if (!(await this.#work({ runId: (call.runs[0] as TaskCall).runId, signal: call.signal }, steps * this.#slowness)))
      return { kind: "failed", outcome: aborted(call) };
    const outcomes = call.runs.map((run, k) => bulkOutcome(run, scripts[k] as Script));
    const poison = outcomes.find((outcome) => outcome.kind === "failed");
    return poison?.kind === "failed" ? { kind: "failed", outcome: poison } : { kind: "called", outcomes };
  }

  async #play(call: TaskCall, script: Script): Promise<TaskOutcome> {
    if (!(await this.#work(call, script.steps * this.#slowness))) return aborted(call);
    if (script.reads && !(await this.#read(call))) return aborted(call);
    const events = script.stream ? [] : await this.#wait(call, script);
    if (!Array.isArray(events)) return events as TaskOutcome;
    const needed = await this.#need(call, script);
    if (!Array.isArray(needed)) return needed as TaskOutcome;
    if (script.reports !== undefined && !(await this.#report(call, script))) return aborted(call);
    const version = script.tells ? [`version ${this.#process.deployed?.[kindOfTask(call.task)] ?? 0}`] : [];
    const waited = [...events, ...needed, ...(script.changes ? [`round ${call.round}`] : []), ...version];
    const first = call.attempt === 1;
    const error = { name: "ScriptError", message: script.label };
    const behaviour = behaviourIn(script, call.round);
    const final = behaviour === "fatal" ? { ...error, retryable: false } : error;
    switch (behaviour) {
      case "always":
      case "fatal":
        if (script.stream && this.#scheduler.random.chance(0.7)) break;
        return { kind: "failed", error: final };
      case "broken":
        return { kind: "broken", error };
      case "skip":
        return { kind: "skipped", value: valueOf(script, call.args.map(normalised), waited) };
      case "retry":
        if (first)
          return {
            kind: "retry",
            error,
            ...(script.delaySeconds !== undefined && { delaySeconds: script.delaySeconds }),
          };
        break;
      case "once":
        if (first && (!script.stream || this.#scheduler.random.chance(0.3))) return { kind: "failed", error };
        break;
      case "succeed":
        break;
    }
    const value = valueOf(script, call.args.map(normalised), waited);
    const ends = executionIn(script, call.round);
    if (ends) return { kind: "execution", machine: "machine", input: { value, ends, attempt: call.attempt } };
    if (script.stream)
      return {
        kind: "stream",
        policy: script.stream.policy,
        ...(script.items && { counted: () => script.items }),
        items: this.#stream(
          call,
          script,
          behaviour === "succeed" || (behaviour === "once" && !first) ? undefined : final,
        ),
      };
    const spawned = script.spawn && {
      children: childrenOf(script, call.attempt),
      policy: script.spawn.policy,
      value: script.spawn.value,
    };
    return {
      kind: "success",
      value,
      ...(script.counters && { counters: script.counters }),
      ...(script.items && { items: script.items }),
      ...(spawned && { spawned }),
    };
  }

  async *#stream(
    call: TaskCall,
    script: Script,
    failure: ErrorData | undefined,
  ): AsyncGenerator<StreamItem, Json | undefined, undefined> {
    const { items, cursors, own } = script.stream as NonNullable<Script["stream"]>;
    const start = cursors && typeof call.cursor === "number" ? call.cursor : 0;
    this.#watcher.runs(call, this.#process, true);
    try {
      for (let at = start; at < items.length; at++) {
        const waited = at === items.length >> 1 ? await this.#wait(call, script) : [];
        if (!Array.isArray(waited)) throw new OutcomeError(waited as TaskOutcome);
        await this.#generate(call, 4);
        if (failure && this.#scheduler.random.chance(0.4)) throw new OutcomeError({ kind: "failed", error: failure });
        yield { canvas: items[at] as Canvas, ...(cursors && { cursor: at + 1 }) };
      }
      await this.#generate(call, 10);
      if (failure) throw new OutcomeError({ kind: "failed", error: failure });
      return own ? valueOf(script, call.args.map(normalised)) : undefined;
    } finally {
      this.#watcher.runs(call, this.#process, false);
    }
  }

  /** Returns the outcomes of the awaited events, or the outcome that ends the attempt. */
  async #wait(call: TaskCall, script: Script): Promise<readonly string[] | TaskOutcome> {
    const told: string[] = [];
    for (const waits of script.waits ?? []) {
      const unsent: AwaitedEvent[] = [];
      let over: ScriptWait | undefined;
      for (const wait of waits) {
        const look = await this.#look(call, wait);
        if (!look) return aborted(call);
        this.#watcher.told(call, this.#process, wait, look);
        if (look.kind === "unsent") unsent.push(look);
        else told.push(toldAs(wait.name, look.kind));
        if (look.kind === "over" && wait.fails) over = wait;
      }
      if (unsent.length > 0) return { kind: "deferred", events: unsent };
      if (over)
        return {
          kind: "failed",
          error: { name: "EventTimeout", message: over.name, reason: "event_timeout", retryable: false },
        };
    }
    return told;
  }
  async #look(call: TaskCall, { name, seconds }: ScriptWait): Promise<EventLook | undefined> {
    for (let tries = 0; tries < 8 && !call.signal.aborted; tries++) {
      try {
        return await call.services.event(name, seconds);
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
      }
    }
    return undefined;
  }
  /** Returns how the shared runs have ended that a script depends on, or the outcome that ends the attempt. */
  async #need(call: TaskCall, { needs }: Script): Promise<readonly string[] | TaskOutcome> {
    const told: string[] = [];
    const unmet: AwaitedRun[] = [];
    for (const kind of needs?.kinds ?? []) {
      const name = needName(kind);
      const declared = call.deps[name];
      const look = declared ? { kind: "ended" as const, ...declared } : await this.#lookAt(call, kind, needs?.scope);
      if (!look) return aborted(call);
      if (look.kind === "failed") return { kind: "broken", error: look.error };
      if (look.kind === "unmet") {
        unmet.push(look.awaits);
        if (!needs?.together) break;
        continue;
      }
      this.#watcher.consumed(call, kind, look);
      if ("error" in look && !needs?.catches) return { kind: "broken", error: look.error };
      told.push(`${name} ${"error" in look ? `broken ${look.error.reason}` : canonicalJson(look.value)}`);
    }
    return unmet.length > 0 ? { kind: "deferred", events: [], runs: unmet } : told;
  }
  async #lookAt(call: TaskCall, kind: number, scope: string | undefined): Promise<DependencyLook | undefined> {
    for (let tries = 0; tries < 8 && !call.signal.aborted; tries++) {
      try {
        return await call.services.dependency(needName(kind), this.#dependency(kind, scope));
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
      }
    }
    return undefined;
  }
  /** Reports its items page by page, in about their order. A script that fails may stop before its end. */
  async #report(call: TaskCall, script: Script): Promise<boolean> {
    const { random } = this.#scheduler;
    const behaviour = behaviourIn(script, call.round);
    const mayFail = behaviour !== "succeed" && behaviour !== "skip";
    const fails = mayFail && (call.attempt === 1 || (behaviour !== "once" && behaviour !== "retry"));
    try {
      const stream = await call.services.reportStream();
      for (;;) {
        const left = Array.from({ length: script.reports ?? 0 }, (_, position) => position).filter(
          (position) => !isReported(stream.reported, position),
        );
        if (left.length === 0 || (fails && random.chance(0.2))) return true;
        const page = left.slice(0, 4).filter(() => random.chance(0.6));
        await stream.append((page.length > 0 ? page : left.slice(0, 1)).map((position) => reportAt(script, position)));
        if (!(await this.#work(call, 2))) return false;
      }
    } catch (error) {
      if (!(error instanceof PortError) && !call.signal.aborted && !isLost(error)) throw error;
      return false;
    }
  }
  async #generate(call: TaskCall, atMost: number): Promise<void> {
    const before = call.signal.aborted;
    await this.#work(call, atMost);
    if (!before && call.signal.aborted) this.#watcher.late(call);
  }
  /** Returns `false` when it was asked to stop and obeyed. Some code ignores its signal. */
  async #work(call: Pick<TaskCall, "runId" | "signal">, atMost: number): Promise<boolean> {
    for (let left = this.#scheduler.random.int(atMost + 1); left > 0; left--) {
      await this.#scheduler.call(this.#process, {
        kind: "local",
        label: () => `user code of ${call.runId}`,
        perform: () => undefined,
      });
      if (call.signal.aborted && this.#scheduler.random.chance(0.7)) return false;
    }
    return true;
  }
  async #read(call: TaskCall): Promise<boolean> {
    for (let tries = 0; tries < 8; tries++) {
      try {
        const entries: ResultEntry[] = [];
        for await (const entry of call.services.results()) entries.push(entry);
        this.#watcher.collected(call, entries);
        return true;
      } catch (error) {
        if (call.signal.aborted) return false;
        if (error instanceof FanfoldError && error.code === "invalid_request") return true; // it collects no group
        if (!(error instanceof PortError)) throw error;
      }
    }
    return false;
  }
}

function reportAt(script: Script, position: number): ItemReport {
  return { position, state: stateAt(script, position), item: { path: `/${position}` } };
}
const isLost = (error: unknown): boolean => error instanceof FanfoldError && error.code === "lease_lost";
/** Returns how a run of a bulk call ends by itself. */
function bulkOutcome(call: TaskCall, script: Script): TaskOutcome {
  const error = { name: "ScriptError", message: script.label };
  const behaviour = behaviourIn(script, call.round);
  const value = valueOf(script, call.args.map(normalised), script.changes ? [`round ${call.round}`] : []);
  const first = call.attempt === 1;
  if (behaviour === "fatal") return { kind: "failed", error: { ...error, retryable: false } };
  if (behaviour === "always" || (behaviour === "once" && first)) return { kind: "failed", error };
  if (behaviour === "broken") return { kind: "broken", error };
  if (behaviour === "skip") return { kind: "skipped", value };
  if (behaviour === "retry" && first) return { kind: "retry", error };
  return {
    kind: "success",
    value,
    ...(script.counters && { counters: script.counters }),
    ...(script.items && { items: script.items }),
  };
}
function aborted(call: Pick<TaskCall, "signal">): Extract<TaskOutcome, { readonly kind: "retry" }> {
  return {
    kind: "retry",
    error: { name: "Aborted", message: call.signal.aborted ? "told to stop" : "the ports failed too often" },
  };
}
