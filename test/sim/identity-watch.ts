import { canonicalJson } from "../../functions/core/json.ts";
import { isIdentity } from "../../functions/core/plan/run-id.ts";
import { isTerminal } from "../../functions/core/plan/run-state.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import { DependencyWatch } from "./dependency-watch.ts";
import type { Complaints } from "./reference.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import type { Tiers } from "./tiers.ts";
import type { Watched } from "./sim-ports.ts";

/**
 * Watches runs that jobs share. A run that takes the end of one over takes an end that was committed, of the round that
 * it wanted or of a later one, and takes it whole.
 */
export class IdentityWatch {
  readonly #complaints: Complaints;
  /** How each round of each identity ended. */
  readonly #ends = new Map<string, Run>();
  readonly #scheduler: Scheduler;
  readonly #tiers: Tiers;

  readonly dependencies: DependencyWatch;

  constructor(world: Watched, complaints: Complaints) {
    this.#scheduler = world.scheduler;
    this.#tiers = world.tiers;
    this.#complaints = complaints;
    this.dependencies = new DependencyWatch(world, complaints);
  }
  write(process: SimProcess, before: Run | undefined, after: Run): void {
    this.dependencies.write(process, before, after);
    const wrong = isIdentity(after.gid) ? this.#tiers.written(before, after, this.#scheduler.now) : undefined;
    if (wrong !== undefined) this.#complaints.bad("tier-broken", `${after.runId}, round ${after.round}: ${wrong}`);
    if (isIdentity(after.gid) && isTerminal(after.status)) this.#ends.set(`${after.gid} ${after.round}`, after);
    if (isIdentity(after.gid) && before?.round !== after.round) this.#scheduler.count("identityRounds");
    const { adopts, adoptsRound = -1, runId } = after;
    if (adopts === undefined || !isTerminal(after.status) || (before && isTerminal(before.status))) return;
    if (after.error?.reason === "dependency_cycle" && after.error.runId === undefined) return;
    // It was cancelled, and has taken nothing.
    if (after.status === "cancelled" && after.error?.runId === undefined) return;
    this.#scheduler.count(after.reused ? "endsReused" : "endsTaken");
    if (after.reused) this.dependencies.versions.reused(process, after);
    if (before?.adopts !== undefined && adoptsRound < (before.adoptsRound ?? 0))
      this.#complaints.bad("took-an-older-end", `${runId} wanted round ${before.adoptsRound}, took ${adoptsRound}`);
    const end = this.#ends.get(`${adopts} ${adoptsRound}`);
    if (!end) return this.#complaints.bad("took-no-end", `${runId}: ${adopts} round ${adoptsRound} has not ended`);
    const takes = valueOf(after) === valueOf(end) || (after.value === undefined && after.valueRef === undefined);
    if (after.status !== end.status || !takes)
      this.#complaints.bad(
        "took-another-end",
        `${runId} is ${after.status} ${valueOf(after)}, ${adopts} ${end.status}`,
      );
  }
}
const valueOf = ({ value, valueRef }: Run): string => canonicalJson([value ?? null, valueRef ?? null]);
