import { TIMING } from "../settings.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** One of the configured number of workers. */
export interface Seat {
  worker: WorkerProcess | undefined;
  /** Processes that it has had. */
  processes: number;
}

/**
 * The processes of a runtime, and which of them serve. Each seat has a process that serves. One more process is a spare:
 * it has loaded the tasks and opened the database, so it can serve at once.
 *
 *     starting -> spare <-> standing in
 *                   |
 *                   v
 *                 seated
 *
 * - A seat whose process has ended is given a spare.
 * - While no seat's process can start a run, a spare stands in. Each of them is stalled by user code, or kept by a run
 *   that must be alone. A stand-in takes neither tasks that have stalled a process lately nor runs that must be alone.
 * - As long as such tasks are known, the last spare takes no seat. So they cannot stall it, and there is always a process
 *   for all other tasks.
 * - A process that was lent is replaced by a new spare, up to a bound.
 * - A seat whose process is worn is given a spare as soon as there is one. The worn process ends what it has begun, and
 *   leaves.
 */
export class WorkerPool {
  readonly seats: readonly Seat[];
  readonly #extras = new Set<WorkerProcess>();
  /** Worn processes that end what they have begun. */
  readonly #leaving = new Set<WorkerProcess>();
  /** Processes of before a renewal that end what they have begun. */
  readonly #old = new Set<WorkerProcess>();
  /** Tasks that have blocked a process, with the time until which they are left to the seats. */
  readonly #blocking = new Map<string, number>();
  readonly #fork: () => WorkerProcess;
  readonly #retire: (worker: WorkerProcess) => void;
  /** Set once every seat had a process. Until then no spare is started, as it would delay them. */
  #started = false;

  /** Set while new processes take the places of all. */
  renewing = false;
  #most: number;

  /** `first` says how many seats have a process before `grow` is called, at which every seat gets one. */
  constructor(seats: number, fork: () => WorkerProcess, retire: (worker: WorkerProcess) => void, first = seats) {
    this.#most = first;
    this.seats = Array.from({ length: seats }, () => ({ worker: undefined, processes: 0 }));
    this.#fork = fork;
    this.#retire = retire;
  }
  get all(): readonly WorkerProcess[] {
    return [...this.seats.flatMap(({ worker }) => worker ?? []), ...this.#extras, ...this.#leaving, ...this.#old];
  }
  remove(worker: WorkerProcess): void {
    this.#extras.delete(worker);
    this.#leaving.delete(worker);
    this.#old.delete(worker);
    for (const seat of this.seats) if (seat.worker === worker) seat.worker = undefined;
  }
  /** Lets every seat have a process. */
  grow(): void {
    this.#most = this.seats.length;
  }
  /**
   * Replaces every process by a new one. The old ones end what they have begun, however long that takes, and so are not
   * among those whose number is bounded.
   */
  renew(): void {
    for (const worker of [...this.seats.flatMap(({ worker }) => worker ?? []), ...this.#extras, ...this.#leaving]) {
      this.#leaving.delete(worker);
      this.#extras.delete(worker);
      this.#old.add(worker);
      worker.terms = undefined;
      this.#retire(worker);
    }
    for (const seat of this.seats) seat.worker = undefined;
    this.renewing = true;
  }
  /** Notes that a task has stalled a process for long. */
  noteBlocking(task: string, now: number): void {
    this.#blocking.set(task, now + TIMING.blockingTaskMs);
  }
  /** Gives each process its place. Starts what is missing: all of it, or with `mostStarts` only so many. */
  arrange(now: number, mostStarts = Number.POSITIVE_INFINITY): void {
    for (const [task, until] of this.#blocking) if (until <= now) this.#blocking.delete(task);
    for (const seat of this.#wanted) if (wants(seat)) this.#fill(seat);
    this.#started ||= this.seats.every(({ worker }) => worker !== undefined);
    this.#standIn();
    for (const worker of this.#extras) if (worker.worn && worker.terms === undefined) this.#leave(worker);
    this.#adjust(mostStarts);
  }

  #fill(seat: Seat): void {
    const able = [...this.#extras].filter(isAble);
    // A stand-in is the last choice, as it would leave its place.
    const next = able.find(({ terms }) => terms === undefined) ?? able[0];
    if (!next || (this.#notOf().length > 0 && able.length === 1)) return;
    this.#extras.delete(next);
    if (seat.worker) this.#leave(seat.worker);
    seat.worker = next;
    seat.processes++;
    this.renewing = false;
    next.serve({ alone: true, notOf: [] });
  }
  #leave(worker: WorkerProcess): void {
    this.#extras.delete(worker);
    this.#leaving.add(worker);
    this.#retire(worker);
  }
  #standIn(): void {
    const standIns = [...this.#extras].filter(({ terms }) => terms !== undefined);
    if (this.#seatHelps) return standIns.forEach((worker) => worker.rest());
    const notOf = this.#notOf();
    const standIn = standIns.find((worker) => worker.helps) ?? [...this.#extras].find(isAble);
    if (standIn && standIn.terms?.notOf.join() !== notOf.join()) standIn.serve({ alone: false, notOf });
  }
  /** Returns the tasks that stall a process now, and those that have lately. */
  #notOf(): readonly string[] {
    const stalling = this.all.flatMap(({ stalledBy }) => stalledBy?.task ?? []);
    return [...new Set([...stalling, ...this.#blocking.keys()])];
  }
  get #wanted(): readonly Seat[] {
    return this.seats.slice(0, this.#most);
  }
  get #seatHelps(): boolean {
    return this.seats.some(({ worker }) => worker?.helps);
  }
  #adjust(mostStarts: number): void {
    const empty = this.#wanted.filter(wants).length;
    const idle = [...this.#extras].filter(({ terms, stall }) => terms === undefined && stall === undefined);
    const missing = empty + (this.#started ? 1 : 0) - idle.length;
    const room = 2 * this.seats.length + 2 - (this.all.length - this.#old.size);
    for (let k = 0; k < Math.min(missing, room, mostStarts); k++) this.#extras.add(this.#fork());
    for (const worker of idle.slice(empty + 1)) this.#retire(worker);
  }
}
/** Whether a seat needs another process. */
function wants({ worker }: Seat): boolean {
  return worker === undefined || worker.worn;
}
/** Whether a process can take a place at once. */
function isAble({ readyAt, stall, reserved, worn }: WorkerProcess): boolean {
  return readyAt !== undefined && stall === undefined && !reserved && !worn;
}
