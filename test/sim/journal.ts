import { canonicalJson } from "../../functions/core/json.ts";
import type { TaskCall, TaskOutcome } from "../../functions/core/task/invocation.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import type { Claim } from "../../functions/engine/worker-loop.ts";
import type { SimProcess } from "./scheduler.ts";

interface Entry {
  readonly process: SimProcess;
  readonly attempt: number;
  readonly round: number;
  readonly args: string;
  outcome?: TaskOutcome;
}
/** Holds of an attempt: its one claim, and the deliveries that run it without a claim. */
interface Holds {
  claimed: boolean;
  unclaimed: number;
}

/** Records user code: every start of every attempt, and the outcome. */
export class Journal {
  readonly #late = new Set<string>();
  readonly #overdue = new Set<string>();
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
  /**
   * Records a start. `claim` is the number of the claim, since not every claim is an attempt of code. Returns `false`
   * when the attempt started more often than it is held. A claim is good for one start, however often it is reported. A
   * delivery without a claim is good for its own start.
   */
  start(call: TaskCall, process: SimProcess, claim: number): boolean {
    const entries = this.#entries.get(call.runId) ?? [];
    this.#entries.set(call.runId, entries);
    const entry = { process, attempt: claim, round: call.round, args: canonicalJson(call.args) };
    entries.push(entry);
    this.#calls.set(call, entry);
    const { claimed, unclaimed } = this.#holds.get(`${call.runId} ${claim}`) ?? { claimed: false, unclaimed: 0 };
    return entries.filter(({ attempt }) => attempt === claim).length <= unclaimed + (claimed ? 1 : 0);
  }
  end(call: TaskCall, outcome: TaskOutcome): void {
    const entry = this.#calls.get(call);
    if (entry) entry.outcome = outcome;
  }
  /** Returns all that attempts of a run learned of an event. */
  told(runId: string, event: string): ReadonlySet<"sent" | "over"> {
    return this.#told.get(`${runId} ${event}`) ?? new Set();
  }
  tell(runId: string, event: string, kind: "sent" | "over"): void {
    this.#told.set(`${runId} ${event}`, new Set([...this.told(runId, event), kind]));
  }
  /** Returns the different arguments that attempts of a run got in a round. */
  argumentsOf(runId: string, round: number): string[] {
    const entries = (this.#entries.get(runId) ?? []).filter((entry) => entry.round === round);
    return [...new Set(entries.map(({ args }) => args))];
  }
  /** Records a generator that was asked to stop while it worked. */
  late(call: TaskCall): void {
    this.#late.add(call.runId);
  }
  /** Notes what an end of an attempt says that a supervisor wrote, which has seen the worker die. */
  ended(process: SimProcess, { runId, error }: Run): void {
    if (process.name.startsWith("supervisor") && error?.reason === "task_timeout") this.#overdue.add(runId);
  }
  /** Returns whether a supervisor ended an attempt of a run because it was overdue. */
  wasOverdue(runId: string): boolean {
    return this.#overdue.has(runId);
  }
  wasLate(runId: string): boolean {
    return this.#late.has(runId);
  }
  /**
   * Returns whether an attempt stopped on request, or because the ports failed too often. Either counts as a failure.
   */
  wasAborted(runId: string): boolean {
    return (this.#entries.get(runId) ?? []).some(
      ({ outcome }) => outcome?.kind === "retry" && outcome.error.name === "Aborted",
    );
  }
}
