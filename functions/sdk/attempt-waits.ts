import { readDependency, checkDependencyName, tooManyDependencies } from "../core/canvas/depends-on.ts";
import { readSignatureOptions } from "../core/canvas/signature-options.ts";
import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { nameProblem } from "../core/names/names.ts";
import { OutcomeError } from "../core/task/error-data.ts";
import type { AwaitedEvent, AwaitedRun, DependencyEnd, RunServices, TaskOutcome } from "../core/task/invocation.ts";
import type { CanvasSource } from "./canvas-builder.ts";
import { isTaskBroken, TaskBroken } from "./errors.ts";

/**
 * What one attempt waits for: events and dependencies. What is missing ends the attempt as deferred, even when user code
 * catches the error that reports it.
 */
export class AttemptWaits {
  readonly #services: RunServices;
  #reads: Set<Promise<unknown>> | undefined;
  #unsent: Map<string, AwaitedEvent> | undefined;
  #unmet: Map<string, AwaitedRun> | undefined;
  #required: Set<string> | undefined;
  /** The outcome that nothing else can replace: a dependency has failed, or is given up. */
  #decided: TaskOutcome | undefined;

  constructor(services: RunServices) {
    this.#services = services;
  }
  /** `true` while a read is pending, or the outcome of the attempt is known already. */
  get open(): boolean {
    return (
      (this.#reads?.size ?? 0) > 0 ||
      (this.#unsent?.size ?? 0) > 0 ||
      (this.#unmet?.size ?? 0) > 0 ||
      this.#decided !== undefined
    );
  }
  wait(name: string, timeoutSeconds: number | undefined): Promise<Json> {
    return this.#tracked(this.#read(name, timeoutSeconds));
  }
  require(name: string, signature: CanvasSource, returnError: boolean): Promise<Json | TaskBroken> {
    return this.#tracked(this.#look(name, signature, returnError));
  }
  /** Ends the attempt. The run starts again without the dependency. */
  removeDependency(name: string): never {
    this.#decided = { kind: "deferred", events: [], removes: [name] };
    throw new OutcomeError(this.#decided);
  }
  /**
   * Returns how the attempt ends after user code has ended: as deferred when something is missing. Returns undefined
   * when all is there, so that user code decides.
   */
  async deferral(): Promise<TaskOutcome | undefined> {
    while (this.#reads !== undefined && this.#reads.size > 0) await Promise.allSettled(this.#reads);
    if (this.#decided) return this.#decided;
    const events = [...(this.#unsent?.values() ?? [])];
    const runs = [...(this.#unmet?.values() ?? [])];
    if (events.length + runs.length === 0) return undefined;
    return { kind: "deferred", events, ...(runs.length > 0 && { runs }) };
  }

  #tracked<T>(reading: Promise<T>): Promise<T> {
    const reads = (this.#reads ??= new Set());
    reads.add(reading);
    // User code may start several waits before it awaits the first. The first one ends the attempt, so nothing awaits
    // the others.
    reading.catch(() => undefined).finally(() => reads.delete(reading));
    return reading;
  }
  async #read(name: string, timeoutSeconds: number | undefined): Promise<Json> {
    checkWait(name, timeoutSeconds);
    const unsent = (this.#unsent ??= new Map<string, AwaitedEvent>());
    const found = await this.#services.event(name, timeoutSeconds);
    switch (found.kind) {
      case "sent":
        unsent.delete(name);
        return found.value;
      case "over":
        unsent.delete(name);
        throw new FanfoldError(
          "event_timeout",
          `the event ${name} did not come in time; catch this to go on without it`,
          { details: { event: name } },
        );
      case "unsent": {
        const { kind: _kind, ...event } = found;
        // One row holds a limited number of events. The next attempt waits for the others.
        if (unsent.size < LIMITS.awaitedEvents || unsent.has(name)) unsent.set(name, { ...unsent.get(name), ...event });
        throw new OutcomeError({ kind: "deferred", events: [event] });
      }
    }
  }
  async #look(name: string, signature: CanvasSource, returnError: boolean): Promise<Json | TaskBroken> {
    checkDependencyName(name, "/name");
    const dependency = readDependency(signature, "", readSignatureOptions);
    const required = (this.#required ??= new Set<string>()).add(name);
    if (required.size > LIMITS.dependencies) throw tooManyDependencies(required.size);
    const found = await this.#services.dependency(name, dependency);
    switch (found.kind) {
      case "ended": {
        const value = dependencyValue(found);
        if (!returnError && isTaskBroken(value)) throw value;
        return value;
      }
      case "failed":
        this.#decided = { kind: "broken", error: found.error };
        throw new OutcomeError(this.#decided);
      case "unmet": {
        (this.#unmet ??= new Map<string, AwaitedRun>()).set(found.awaits.gid, found.awaits);
        throw new OutcomeError({ kind: "deferred", events: [], runs: [found.awaits] });
      }
    }
  }
}

/** Returns a dependency as user code gets it: its value, or an error that says why it is broken. */
export function dependencyValue(end: DependencyEnd): Json | TaskBroken {
  if (!("error" in end)) return end.value;
  const { message, reason, details } = end.error;
  const text = reason === undefined || message.startsWith(`${reason}: `) ? message : `${reason}: ${message}`;
  return new TaskBroken(text, reason, details === undefined ? {} : { details });
}

function checkWait(name: string, timeoutSeconds: number | undefined): void {
  const problem = nameProblem(name);
  if (problem !== undefined) throw invalid(`the name of an event ${problem}`);
  if (timeoutSeconds !== undefined && !(timeoutSeconds >= 0 && Number.isFinite(timeoutSeconds))) {
    throw invalid("timeoutSeconds must be a number of seconds, 0 or more");
  }
}
function invalid(message: string): FanfoldError {
  return new FanfoldError("invalid_request", message);
}
