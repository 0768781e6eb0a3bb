import { canonicalJson } from "../../functions/core/json.ts";
import type { TaskCall, TaskOutcome } from "../../functions/core/task/invocation.ts";
import type { Claim } from "../../functions/engine/worker-loop.ts";
import type { SimProcess } from "./scheduler.ts";

interface Entry {
  readonly process: SimProcess;
  readonly attempt: number;
  readonly round: number;
  readonly args: string;
  outcome?: TaskOutcome;
}
/** How an attempt is held: by its one claim, or by deliveries that run it without one. */
interface Holds {
  claimed: boolean;
  unclaimed: number;
}

/** What user code did: every start of every attempt, and what it returned. */
export class Journal {
  readonly #late = new Set<string>();
  readonly #entries = new Map<string, Entry[]>();
  readonly #calls = new WeakMap<TaskCall, Entry>();
  readonly #holds = new Map<string, Holds>();
  readonly #told = new Map<string, ReadonlySet<"sent" | "over">>();

  held({ runId, attempt, unclaimed: thin }: Claim): void {
    const key = `${runId} ${attempt}`;
    const holds = this.#holds.get(key) ?? { claimed: false, unclaimed: 0 };
    this.#holds.set(key, holds);
    if (thin) holds.unclaimed++;
    else holds.claimed = true;
  }
  /** `false`: started more often than it is held. A claim is good for one start, however often it is reported; a delivery without one for its own. */
  start(call: TaskCall, process: SimProcess): boolean {
    const entries = this.#entries.get(call.runId) ?? [];
    this.#entries.set(call.runId, entries);
    const entry = { process, attempt: call.attempt, round: call.round, args: canonicalJson(call.args) };
    entries.push(entry);
    this.#calls.set(call, entry);
    const { claimed, unclaimed } = this.#holds.get(`${call.runId} ${call.attempt}`) ?? { claimed: false, unclaimed: 0 };
    return entries.filter(({ attempt }) => attempt === call.attempt).length <= unclaimed + (claimed ? 1 : 0);
  }
  end(call: TaskCall, outcome: TaskOutcome): void {
    const entry = this.#calls.get(call);
    if (entry) entry.outcome = outcome;
  }
  /** All that attempts of a run were told of an event. */
  told(runId: string, event: string): ReadonlySet<"sent" | "over"> {
    return this.#told.get(`${runId} ${event}`) ?? new Set();
  }
  tell(runId: string, event: string, kind: "sent" | "over"): void {
    this.#told.set(`${runId} ${event}`, new Set([...this.told(runId, event), kind]));
  }
  /** Different arguments that attempts of a run got in a round. */
  argumentsOf(runId: string, round: number): string[] {
    const entries = (this.#entries.get(runId) ?? []).filter((entry) => entry.round === round);
    return [...new Set(entries.map(({ args }) => args))];
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
    return (this.#entries.get(runId) ?? []).some(
      ({ outcome }) => outcome?.kind === "retry" && outcome.error.name === "Aborted",
    );
  }
}
