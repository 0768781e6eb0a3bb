import { canonicalJson, type Json } from "../../functions/core/json.ts";
import type { ResultEntry, TaskCall } from "../../functions/core/task/invocation.ts";
import type { Complaints } from "./reference.ts";

/**
 * Checks that a member's result never changes once it was read, unless a later round runs the member again. A member
 * that never ran may still end.
 */
export class SeenResults {
  readonly #complaints: Complaints;
  readonly #seen = new Map<string, string>();
  readonly #read = new Map<string, string>();
  /** The time at which a later round took each run up. */
  readonly #renewedAt = new Map<string, number>();

  constructor(complaints: Complaints) {
    this.#complaints = complaints;
  }
  renewed(runId: string, now: number): void {
    this.#renewedAt.set(runId, now);
    this.#seen.delete(runId);
  }
  saw(entry: ResultEntry, since: number): void {
    if (entry.error?.reason === "upstream") return;
    // A reader that began before the run was taken up may tell of either round.
    if ((this.#renewedAt.get(entry.runId) ?? -1) >= since) return;
    const { index: _place, ...told } = entry;
    const text = canonicalJson(told as unknown as Json);
    const seen = this.#seen.get(entry.runId);
    if (seen !== undefined && seen !== text)
      this.#complaints.bad("result-changed", `${entry.runId}: ${seen.slice(0, 300)} then ${text.slice(0, 300)}`);
    this.#seen.set(entry.runId, text);
  }
  /** Checks that a body reads the same in every attempt of a round. */
  read({ runId, round }: TaskCall, entries: readonly ResultEntry[]): void {
    const key = `${runId} round ${round}`;
    const text = JSON.stringify(entries);
    const seen = this.#read.get(key);
    if (seen !== undefined && seen !== text)
      this.#complaints.bad("results-changed", `${runId}: ${seen.slice(0, 300)} then ${text.slice(0, 300)}`);
    this.#read.set(key, text);
  }
}
