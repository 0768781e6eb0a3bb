import { OutcomeError } from "../core/error-data.ts";
import { FanfoldError } from "../core/errors.ts";
import type { AwaitedEvent, RunServices, TaskOutcome } from "../core/invocation.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { nameProblem } from "../core/names.ts";

/** Events that one attempt asks for. One that has not come ends the attempt, whatever user code makes of the error that says so. */
export interface EventWaits {
  wait(name: string, timeoutSeconds: number | undefined): Promise<Json>;
  /** Something was asked for that is not known to be there. */
  readonly open: boolean;
  /** How the attempt ends once user code is through with it; undefined: as user code says, since it has all it asked for. */
  deferral(): Promise<TaskOutcome | undefined>;
}

export function createEventWaits(services: RunServices): EventWaits {
  const looks = new Set<Promise<Json>>();
  const unsent = new Map<string, AwaitedEvent>();

  async function look(name: string, timeoutSeconds: number | undefined): Promise<Json> {
    checkWait(name, timeoutSeconds);
    const found = await services.event(name, timeoutSeconds);
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
  return {
    get open() {
      return looks.size > 0 || unsent.size > 0;
    },
    wait(name, timeoutSeconds) {
      const looking = look(name, timeoutSeconds);
      looks.add(looking);
      // Several may be asked for before the first is awaited, which then ends the attempt: nobody awaits the others.
      looking.catch(() => undefined).finally(() => looks.delete(looking));
      return looking;
    },
    async deferral() {
      while (looks.size > 0) await Promise.allSettled(looks);
      return unsent.size === 0 ? undefined : { kind: "deferred", events: [...unsent.values()] };
    },
  };
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
