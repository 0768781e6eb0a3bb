import type { TaskStep } from "../../core/plan/plan.ts";
import type { EngineConfig } from "../config.ts";
import type { Speeds } from "../context.ts";
import { SHORT_BATCH } from "../plan/task-speeds.ts";
import type { Clock } from "../ports.ts";

/**
 * Admits the batches of one engine instance. Only speed depends on it, so it is neither stored nor shared.
 *
 * The states of a batch of quick runs are
 *
 *     waiting -> admitted -> released (by its caller, or after `slowAfterMs`)
 *
 * - waiting: in the line of its job. Jobs are admitted in rotation.
 * - admitted: its load counts. The next batch is admitted while the load is at most `FULL_LOAD`.
 *
 * The states of the instance are
 *
 *     unshared <-> shared (a small job sent a message beside a big job within `SMALL_JOB_MS`)
 *
 * - unshared: batches are as large as `batchSize` allows.
 * - shared: batches have at most `SHORT_BATCH` runs, and one is admitted at a time.
 */
export class Pace {
  readonly #clock: Clock;
  /** Load of all admitted batches, in claimed runs. */
  #load = 0;
  /** Waiting batches by job. The first job is admitted next. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Time of the last message of many members by job, the latest last. */
  readonly #bigJobs = new Map<string, number>();
  /** Time of the last message of few members from a job that is not big, while another job was. */
  #smallJobAt = Number.NEGATIVE_INFINITY;
  readonly #slowAfterMs: number;

  /** `slowAfterMs` is the longest time for which a batch stays admitted. */
  constructor(clock: Clock, slowAfterMs: number) {
    this.#clock = clock;
    this.#slowAfterMs = slowAfterMs;
  }

  /** Notes a message of a job whose `members` are about to run. */
  noteMessage(jobId: string, members: number): void {
    const now = this.#clock.now();
    for (const [big, at] of this.#bigJobs) if (now - at > BIG_JOB_MS) this.#bigJobs.delete(big);
    if (members > SHORT_BATCH) {
      this.#bigJobs.delete(jobId);
      this.#bigJobs.set(jobId, now);
    } else if (this.#bigJobs.size > 0 && !this.#bigJobs.has(jobId)) this.#smallJobAt = now;
  }
  /**
   * Whether a small job shares this instance with a big one. Writes of the small job wait for the batch that is
   * running.
   */
  get #isShared(): boolean {
    return Math.abs(this.#clock.now() - this.#smallJobAt) < SMALL_JOB_MS;
  }
  get longestBatch(): number {
    return this.#isShared ? SHORT_BATCH : Number.POSITIVE_INFINITY;
  }
  /**
   * Waits until one more batch is admitted, and takes it. Quick runs end before a third batch would help, so runs
   * claimed beyond two batches only fill the memory. `resumed` admits the batch before others of its job, so that
   * started messages end first. `take` takes the batch and returns its load in claimed runs. The result releases the
   * batch. A batch is also released after `slowAfterMs`, so a batch that waits for a slot or has become slow blocks no
   * other.
   */
  admit(jobId: string, resumed: boolean, take: () => number): Promise<() => void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(jobId) ?? [];
      const admitted = (): void => {
        const load = take();
        this.#load += load;
        const release = this.#releaseOf(load);
        void this.#clock.pause(this.#slowAfterMs).then(release);
        resolve(release);
      };
      if (resumed) waiting.unshift(admitted);
      else waiting.push(admitted);
      this.#waiting.set(jobId, waiting);
      this.#admitNext();
    });
  }
  #releaseOf(load: number): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#load -= load;
      this.#admitNext();
    };
  }
  #admitNext(): void {
    for (const [jobId, waiting] of this.#waiting) {
      if (this.#load > (this.#isShared ? 0 : FULL_LOAD)) return;
      this.#waiting.delete(jobId);
      const next = waiting.shift();
      if (waiting.length > 0) this.#waiting.set(jobId, waiting);
      next?.();
    }
  }
}
/** Load in claimed runs up to which one more batch is admitted, so that one batch runs while the next is claimed. */
const FULL_LOAD = 64;
/** Milliseconds for which batches stay short after a message of a small job, because its next one is expected. */
const SMALL_JOB_MS = 250;
/** Milliseconds for which a job counts as big after a message of many members. */
const BIG_JOB_MS = 1_000;

/** Returns the milliseconds after which a batch is slow. */
export function slowAfterMs({ batchMs }: Pick<EngineConfig, "batchMs">): number {
  return SLOW_BATCHES * batchMs;
}
/** A batch is planned to end within `batchMs`, and is slow after this many times that. */
const SLOW_BATCHES = 4;

/** What decides how many runs are claimed together. */
interface Paced {
  readonly pace: Pace;
  readonly speeds: Speeds;
  readonly config: EngineConfig;
}

interface Sized {
  readonly step: TaskStep;
  readonly unclaimed: boolean;
}

/**
 * Returns whether runs of a task are quick. The engine's own work then takes more time than user code, so batches are
 * admitted one after another.
 */
export function isQuick({ speeds }: Pick<Paced, "speeds">, { step }: Pick<Sized, "step">): boolean {
  return speeds.isQuick(step.task);
}
/**
 * Waits until the unclaimed members of a whole message are admitted. Otherwise all received messages would run, and
 * write, at once. Returns a function that releases them, or undefined when they need no admission.
 */
export async function admitUnclaimed(
  { pace, speeds }: Paced,
  jobId: string,
  ready: readonly Sized[],
): Promise<(() => void) | undefined> {
  const [first] = ready;
  if (!first) return undefined;
  pace.noteMessage(jobId, ready.length);
  if (ready.length === 1 || !ready.every(({ unclaimed }) => unclaimed) || !isQuick({ speeds }, first)) return undefined;
  return pace.admit(jobId, false, () => ready.length / MEMBERS_PER_CLAIM);
}
/** Unclaimed members that are as much work as one claimed run. */
const MEMBERS_PER_CLAIM = 32;

/**
 * Returns how many runs of a task form one batch. A task of unknown speed gets batches of one, so that slow runs start
 * in many places. A quick task gets as many runs as end within `batchMs`. Only claimed runs are bounded by the size of
 * their claim's write.
 */
export function batchSize({ pace, speeds, config }: Paced, { step, unclaimed }: Sized): number {
  const mean = speeds.mean(step.task);
  if (mean === undefined) return 1;
  return Math.max(
    1,
    Math.min(
      unclaimed ? config.membersPerMessage : Math.min(config.batchMembers, pace.longestBatch),
      Math.floor(config.batchMs / Math.max(mean, 0.001)),
    ),
  );
}
/** Returns how many jobs of one quick task run together. Another process may have told that it is quick. */
export function soloBatchSize(paced: Paced, sized: Sized): number {
  const isMeasured = paced.speeds.mean(sized.step.task) !== undefined;
  return isMeasured ? batchSize(paced, sized) : Math.min(SHORT_BATCH, paced.config.batchMembers);
}
