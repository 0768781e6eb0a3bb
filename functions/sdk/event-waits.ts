import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { nameProblem } from "../core/names/names.ts";
import { OutcomeError } from "../core/task/error-data.ts";
import type { AwaitedEvent, RunServices, TaskOutcome } from "../core/task/invocation.ts";

/**
 * The events that one attempt waits for. An event that has not been sent ends the attempt as deferred, even when user
 * code catches the error that reports it.
 */
export class EventWaits {
  readonly #services: RunServices;
  #reads: Set<Promise<Json>> | undefined;
  #unsent: Map<string, AwaitedEvent> | undefined;

  constructor(services: RunServices) {
    this.#services = services;
  }
  /** `true` while a read is pending or an event has not been sent. */
  get open(): boolean {
    return (this.#reads?.size ?? 0) > 0 || (this.#unsent?.size ?? 0) > 0;
  }
  wait(name: string, timeoutSeconds: number | undefined): Promise<Json> {
    const reads = (this.#reads ??= new Set());
    const reading = this.#read(name, timeoutSeconds);
    reads.add(reading);
    // User code may start several waits before it awaits the first. The first one ends the attempt, so nothing awaits
    // the others.
    reading.catch(() => undefined).finally(() => reads.delete(reading));
    return reading;
  }
  /**
   * Returns how the attempt ends after user code has ended: as deferred when an event is missing. Returns undefined
   * when all events have been sent, so that user code decides.
   */
  async deferral(): Promise<TaskOutcome | undefined> {
    while (this.#reads !== undefined && this.#reads.size > 0) await Promise.allSettled(this.#reads);
    return this.#unsent === undefined || this.#unsent.size === 0
      ? undefined
      : { kind: "deferred", events: [...this.#unsent.values()] };
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
