import type { EngineConfig } from "../config.ts";

/** What was measured of one task. Times are in milliseconds per run. */
interface Speed {
  /** A slower batch counts at once, and faster ones lower it step by step. So batches are rather too small. */
  mean: number;
  /** Every batch counts alike, so one that the machine has disturbed changes little. */
  typical: number;
  quick: boolean;
}

/**
 * Keeps what is known of the speed of tasks: what this engine instance has measured, and which tasks other processes
 * found quick. Only speed depends on it, so it is neither stored nor exact.
 */
export class TaskSpeeds {
  readonly #quickMs: number;
  readonly #onChange: ((task: string, quick: boolean) => void) | undefined;
  readonly #measured = new Map<string, Speed>();
  /** What other processes have told. */
  readonly #told = new Map<string, boolean>();

  /** `onChange` is called when it becomes known, or changes, whether a task is quick here. */
  constructor({ batchMs }: Pick<EngineConfig, "batchMs">, onChange?: (task: string, quick: boolean) => void) {
    this.#quickMs = batchMs / SHORT_BATCH;
    this.#onChange = onChange;
  }
  /**
   * Notes how long the attempts of a batch took, without what its process did for others meanwhile. With that, a busy
   * machine would make batches smaller, and so more work.
   */
  noteBatch(task: string, runs: number, milliseconds: number): void {
    const ms = milliseconds / runs;
    const speed = this.#measured.get(task);
    if (!speed) {
      const quick = ms <= this.#quickMs;
      keep(this.#measured, task, { mean: ms, typical: ms, quick });
      this.#onChange?.(task, quick);
      return;
    }
    speed.mean = ms > speed.mean ? ms : speed.mean + (ms - speed.mean) * SMOOTHING;
    speed.typical += (ms - speed.typical) * SMOOTHING;
    const quick = speed.typical <= (speed.quick ? STAYS_QUICK * this.#quickMs : this.#quickMs);
    if (quick === speed.quick) return;
    speed.quick = quick;
    this.#onChange?.(task, quick);
  }
  noteTold(task: string, quick: boolean): void {
    keep(this.#told, task, quick);
  }
  mean(task: string): number | undefined {
    return this.#measured.get(task)?.mean;
  }
  /** Returns whether `SHORT_BATCH` runs of a task are expected to end within `batchMs`, as measured here. */
  isQuick(task: string): boolean {
    const mean = this.mean(task);
    return mean !== undefined && mean <= this.#quickMs;
  }
  /** Returns whether runs of a task are mostly quick: as measured here, else as another process has told. */
  isMostlyQuick(task: string): boolean {
    return this.#measured.get(task)?.quick ?? this.#told.get(task) === true;
  }
}
/**
 * Most runs in a short batch (execute/pace.ts). With full batches a small job would wait three times as long. With short
 * ones a big job beside it loses a third of its speed.
 */
export const SHORT_BATCH = 24;
const SMOOTHING = 0.3;
/** So many times slower a task must become until it is not mostly quick any more, so a busy machine changes nothing. */
const STAYS_QUICK = 4;
const MOST_TASKS = 1_000;

function keep<T>(map: Map<string, T>, task: string, value: T): void {
  map.set(task, value);
  if (map.size > MOST_TASKS) map.delete(map.keys().next().value as string);
}
