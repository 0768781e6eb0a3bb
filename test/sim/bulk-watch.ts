import type { BulkCall, BulkOutcome, TaskCall } from "../../functions/core/task/invocation.ts";
import type { PassHook } from "../../functions/core/task/bulk.ts";
import type { SimProcess } from "./scheduler.ts";
import { rowOf } from "./row-of.ts";
import type { AppliedWrite } from "./sim-store.ts";
import type { Simulation } from "./simulation.ts";

/**
 * Knows which runs were called together, and how these calls ended. After a call that failed, the next one of each of its
 * runs has at most half as many. So a run that is not to blame takes part in at most log2 n + 1 of them, and no such call
 * counts as a failure of it. A pass that has begun is ended.
 */
export class BulkWatch {
  readonly #sim: Simulation;
  /** The most runs that the next call of a run may have, by run and round. */
  readonly #bounds = new Map<string, number>();
  /** Calls that failed as a whole with several runs, by run and claim. */
  readonly #failed = new Set<string>();
  /** Queues in which `beforePass` has ended since the last `afterPass`. */
  readonly #begun = new Set<string>();
  #calling = 0;

  constructor(simulation: Simulation) {
    this.#sim = simulation;
    simulation.world.store.watch((write) => this.#write(write));
  }

  called({ runs, queue }: BulkCall, process: SimProcess): void {
    const { scheduler, world } = this.#sim;
    scheduler.count("bulk calls");
    if (runs.length > 1) scheduler.count("bulk calls of several");
    if (new Set(runs.map(({ jobId }) => jobId)).size > 1) scheduler.count("bulk calls of several jobs");
    for (const run of runs) {
      const bound = this.#bounds.get(keyOf(run));
      if (bound !== undefined && this.#holds(run) && runs.length > bound)
        this.#bad("call-too-big", `${run.runId} is called with ${runs.length} runs by ${process.name}, not ${bound}`);
    }
    this.#calling++;
    if (world.faults.immortal && !this.#begun.has(queue)) this.#bad("call-outside-pass", runs[0]?.runId ?? queue);
  }
  ended({ runs, signal }: BulkCall, outcome: BulkOutcome): void {
    this.#calling--;
    for (const run of runs) {
      const key = keyOf(run);
      if (!this.#holds(run)) continue;
      if (outcome.kind === "called") this.#bounds.delete(key);
      else if (!signal.aborted) this.#bounds.set(key, Math.ceil(runs.length / 2));
      if (outcome.kind === "called" || signal.aborted || runs.length === 1) continue;
      this.#sim.scheduler.count("runs of bulk calls that failed");
      this.#failed.add(`${run.runId} ${this.#claimOf(run)}`);
    }
  }
  /** Whether nobody has claimed a run since it was claimed for a call. A process may sleep between both. */
  #holds(run: TaskCall): boolean {
    return this.#sim.shape.rowOf(run.runId)?.attempt === this.#claimOf(run);
  }
  #claimOf({ runId, attempt }: TaskCall): number {
    return attempt + (this.#sim.shape.rowOf(runId)?.parks ?? 0);
  }
  hook(hook: PassHook, queue: string, ends: boolean): void {
    const { scheduler, world } = this.#sim;
    if (!ends) {
      const again = hook === "beforePass" ? this.#begun.has(queue) : this.#calling > 0;
      if (world.faults.immortal && again) this.#bad("hook-in-the-middle", `${hook} of ${queue}`);
      return;
    }
    scheduler.count(hook);
    if (hook === "beforePass") this.#begun.add(queue);
    else this.#begun.delete(queue);
  }
  /** Whether the sweeper still has to end a pass. */
  isOwed(): boolean {
    return this.#sim.sweeps && this.#sim.world.store.peekPartition("tasks", "BP").length > 0;
  }
  /** Checks what must hold once all work has ended. */
  final(): void {
    // Only the sweeper knows of a call whose process has died.
    const left = this.#sim.world.store.peekPartition("tasks", "BP").map(({ key, attributes }) => ({
      pool: key.sort,
      calls: attributes["calls"] as ReadonlySet<string> | undefined,
    }));
    const excused = this.#sim.sweeps ? [] : left.filter(({ calls }) => (calls?.size ?? 0) > 0);
    for (const each of left) if (!excused.includes(each)) this.#bad("pass-left-open", each.pool);
    for (const queue of this.#begun)
      if (!excused.some(({ pool }) => pool.startsWith(`${queue}!`))) this.#bad("pass-left-open", queue);
  }

  #write({ before, after }: AppliedWrite): void {
    const key = after?.key ?? before?.key;
    if (key?.table !== "tasks" || !key.partition.startsWith("G#")) return;
    const { width } = this.#sim.shape;
    const [was, run] = [rowOf(before, width), rowOf(after, width)];
    if (was && run && (run.failCount ?? 0) > (was.failCount ?? 0) && this.#failed.has(`${run.runId} ${was.attempt}`))
      this.#bad("counted-as-failure", `${run.runId} attempt ${was.attempt}`);
  }
  #bad(kind: string, detail: string): void {
    if (!this.#sim.oracle.collected) this.#sim.bad(kind, detail);
  }
}
const keyOf = ({ runId, round }: TaskCall): string => `${runId} ${round}`;
