import type { TaskCall } from "../../functions/core/task/invocation.ts";
import { asRate } from "../../functions/engine/items/lock-items.ts";
import { type Lock, locksOf } from "../../functions/engine/waits/lock-names.ts";
import type { LeaseWatch } from "./lease-watch.ts";
import { PLACES, RATES } from "./limit-workload.ts";
import type { Complaints } from "./reference.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import { scriptOf } from "./script-runner.ts";
import type { Shape } from "./shape.ts";
import type { AppliedWrite } from "./sim-store.ts";

interface Running {
  readonly runId: string;
  readonly process: SimProcess;
  readonly attempt: number;
  readonly locks: readonly Lock[];
}

/**
 * Knows in true time which code executes, and what it must hold. It counts only code whose process lives and holds its
 * lease by its own clock: of a dead or frozen process nothing can be promised. It knows nothing of the items of locks.
 */
export class LimitWatch {
  readonly #scheduler: Scheduler;
  readonly #shape: Shape;
  readonly #leases: LeaseWatch;
  readonly #complaints: Complaints;
  readonly #running = new Map<TaskCall, Running>();
  /** Starts that rate limits have counted, and starts of code, by key. */
  readonly #granted = new Map<string, number>();
  readonly #started = new Map<string, number>();

  constructor(scheduler: Scheduler, shape: Shape, leases: LeaseWatch, complaints: Complaints) {
    this.#scheduler = scheduler;
    this.#shape = shape;
    this.#leases = leases;
    this.#complaints = complaints;
  }

  runs(call: TaskCall, process: SimProcess, runs: boolean): void {
    const { limits } = scriptOf(call.kwargs);
    if (!limits) return;
    if (!runs) {
      this.#running.delete(call);
      return;
    }
    const { runId, attempt } = call;
    this.#scheduler.count("limited");
    this.#running.set(call, { runId, process, attempt, locks: locksOf(limits, call.task) });
    this.#check();
    // A stream is pulled on in the attempt that has started.
    const key = scriptOf(call.kwargs).stream ? undefined : limits.rateLimit?.key;
    if (key === undefined) return;
    const started = (this.#started.get(key) ?? 0) + 1;
    this.#started.set(key, started);
    if (started > (this.#granted.get(key) ?? 0)) this.#complaints.bad("started-uncounted", `${runId}: ${key}`);
  }

  write({ before, after }: AppliedWrite): void {
    const partition = after?.key.partition ?? "";
    if (partition.startsWith("LR#")) this.#rate(partition.split("#")[2] ?? "", asRate(before), asRate(after));
    else if (partition.startsWith("LQ#")) this.#scheduler.count("lock waiters");
    // A heartbeat may bring a lease back to life.
    else if (partition.startsWith("G#") && this.#running.size > 1) this.#check();
  }
  #rate(key: string, before: ReturnType<typeof asRate>, after: ReturnType<typeof asRate>): void {
    const { window, used = 0 } = after ?? {};
    const limit = RATES[key]?.limit ?? 0;
    if (used > limit) this.#complaints.bad("rate-overrun", `${key}: ${used} starts in the window ${window}`);
    if (before && window !== undefined && window < before.window) this.#complaints.bad("rate-went-back", key);
    const more = before?.window === window ? used - (before?.used ?? 0) : used;
    this.#granted.set(key, (this.#granted.get(key) ?? 0) + more);
    if ((after?.queued ?? 0) > limit) this.#complaints.bad("rate-overplanned", `${key}: ${after?.queued}`);
  }

  #check(): void {
    const places = new Map<string, string[]>();
    const writers = new Map<string, string[]>();
    const readers = new Map<string, string[]>();
    for (const { runId, process, attempt, locks } of this.#running.values()) {
      const row = this.#shape.rowOf(runId);
      const own = row?.status === "started" && row.attempt - (row.parks ?? 0) === attempt;
      if (!own || !this.#leases.isHeldBy(process, runId)) continue;
      for (const { mode, key } of locks) {
        const held = mode === "place" ? places : mode === "write" ? writers : readers;
        held.set(key, [...(held.get(key) ?? []), `${runId} on ${process.name}`]);
      }
    }
    for (const [key, held] of places)
      if (held.length > (PLACES[key] ?? 0)) this.#complaints.bad("too-many-holders", `${key}: ${held.join(", ")}`);
    for (const [key, held] of writers) {
      const others = [...held, ...(readers.get(key) ?? [])];
      if (others.length > 1) this.#complaints.bad("writer-not-alone", `${key}: ${others.join(", ")}`);
    }
    for (const held of readers.values()) if (held.length > 1) this.#scheduler.count("readers together");
  }
}
