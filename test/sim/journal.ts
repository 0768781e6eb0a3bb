import type { TaskCall, TaskOutcome } from "../../functions/core/invocation.ts";
import { canonicalJson } from "../../functions/core/json.ts";
import type { SimProcess } from "./scheduler.ts";

interface Entry {
  readonly process: SimProcess;
  readonly args: string;
  outcome?: TaskOutcome;
}

/** What user code did: every start of every attempt, and what it returned. */
export class Journal {
  readonly #late = new Set<string>();
  readonly #told = new Map<string, ReadonlySet<"sent" | "over">>();
  readonly #attempts = new Map<string, Map<string, Entry>>();

  /** `false`: this attempt has started before. */
  start(call: TaskCall, process: SimProcess): boolean {
    const attempts = this.#attempts.get(call.runId) ?? new Map<string, Entry>();
    this.#attempts.set(call.runId, attempts);
    const key = `${call.round}.${call.attempt}`;
    if (attempts.has(key)) return false;
    attempts.set(key, { process, args: canonicalJson(call.args) });
    return true;
  }
  end(call: TaskCall, outcome: TaskOutcome): void {
    const entry = this.#attempts.get(call.runId)?.get(`${call.round}.${call.attempt}`);
    if (entry) entry.outcome = outcome;
  }
  /** All that attempts of a run were told of an event. */
  told(runId: string, event: string): ReadonlySet<"sent" | "over"> {
    return this.#told.get(`${runId} ${event}`) ?? new Set();
  }
  tell(runId: string, event: string, kind: "sent" | "over"): void {
    this.#told.set(`${runId} ${event}`, new Set([...this.told(runId, event), kind]));
  }
  /** Different arguments that attempts of a run got. */
  argumentsOf(runId: string): string[] {
    return [...new Set([...(this.#attempts.get(runId)?.values() ?? [])].map((entry) => entry.args))];
  }
  /** A generator was told to stop while it worked. */
  late(call: TaskCall): void {
    this.#late.add(call.runId);
  }
  wasLate(runId: string): boolean {
    return this.#late.has(runId);
  }
  /** Some attempt stopped because it was told to, or because the ports failed too often: that counts as a failure. */
  wasAborted(runId: string): boolean {
    return [...(this.#attempts.get(runId)?.values() ?? [])].some(({ outcome }) => outcome?.kind === "retry" && outcome.error.name === "Aborted");
  }
}
