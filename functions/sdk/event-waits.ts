import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { nameProblem } from "../core/names/names.ts";
import { OutcomeError } from "../core/task/error-data.ts";
import type { AwaitedEvent, RunServices, TaskOutcome } from "../core/task/invocation.ts";

/** Events that one attempt asks for. One that has not come ends the attempt, whatever user code makes of the error that says so. */
export class EventWaits {
  readonly #services: RunServices;
  #looks: Set<Promise<Json>> | undefined;
  #unsent: Map<string, AwaitedEvent> | undefined;

  constructor(services: RunServices) {
    this.#services = services;
  }
  /** Something was asked for that is not known to be there. */
  get open(): boolean {
    return (this.#looks?.size ?? 0) > 0 || (this.#unsent?.size ?? 0) > 0;
  }
  wait(name: string, timeoutSeconds: number | undefined): Promise<Json> {
    const looks = (this.#looks ??= new Set());
    const looking = this.#look(name, timeoutSeconds);
    looks.add(looking);
    // Several may be asked for before the first is awaited, which then ends the attempt: nobody awaits the others.
    looking.catch(() => undefined).finally(() => looks.delete(looking));
    return looking;
  }
  /** How the attempt ends once user code is through with it; undefined: as user code says, since it has all it asked for. */
  async deferral(): Promise<TaskOutcome | undefined> {
    while (this.#looks !== undefined && this.#looks.size > 0) await Promise.allSettled(this.#looks);
    return this.#unsent === undefined || this.#unsent.size === 0 ? undefined : { kind: "deferred", events: [...this.#unsent.values()] };
  }

  async #look(name: string, timeoutSeconds: number | undefined): Promise<Json> {
    checkWait(name, timeoutSeconds);
    const unsent = (this.#unsent ??= new Map<string, AwaitedEvent>());
    const found = await this.#services.event(name, timeoutSeconds);
    switch (found.kind) {
      case "sent":
        unsent.delete(name);
        return found.value;
      case "over":
        unsent.delete(name);
        throw new FanfoldError("event_timeout", `the event ${name} did not come in time; catch this to go on without it`, { details: { event: name } });
      case "unsent": {
        const { kind: _kind, ...event } = found;
        // What is too much for one row is waited for by the next attempt.
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
