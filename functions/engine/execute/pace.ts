import type { TaskStep } from "../../core/plan/plan.ts";
import type { EngineConfig } from "../config.ts";
import type { Clock } from "../ports.ts";

/** How fast runs of each task were lately, as this engine instance saw them: nobody else needs to know, and nounclaimedg depends on it but speed. */
export class Pace {
  /** Milliseconds per run; of tasks that have run. */
  readonly #means = new Map<string, number>();
  readonly #clock: Clock;
  /** Of all that have their turn. */
  #load = 0;
  /** By job. The job whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** When a message of many members was last met, by job, the latest last. */
  readonly #manyAt = new Map<string, number>();
  /** When a message of few members, of another job than those, was last met beside them. */
  #fewAt = Number.NEGATIVE_INFINITY;
  readonly #patienceMs: number;

  /** `patienceMs`: the longest turn. */
  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  note(task: string, milliseconds: number, runs: number): void {
    const mean = milliseconds / runs;
    const before = this.#means.get(task);
    // A slow one counts at once, quick ones have to come again and again.
    this.#means.set(task, before === undefined || mean > before ? mean : before + (mean - before) * SMOOTHING);
    if (this.#means.size > MOST_TASKS) this.#means.delete(this.#means.keys().next().value as string);
  }
  mean(task: string): number | undefined {
    return this.#means.get(task);
  }
  /** So many members of a message of a job are about to run. */
  meet(jobId: string, members: number): void {
    const now = this.#clock.now();
    for (const [big, at] of this.#manyAt) if (now - at > BIG_MS) this.#manyAt.delete(big);
    if (members > SHORT_BATCH) {
      this.#manyAt.delete(jobId);
      this.#manyAt.set(jobId, now);
    } else if (this.#manyAt.size > 0 && !this.#manyAt.has(jobId)) this.#fewAt = now;
  }
  /** A small job was lately here beside a big one. Each of its writes waits for the batch that is at work, so batches are short, and come one at a time. */
  get #hurried(): boolean {
    return Math.abs(this.#clock.now() - this.#fewAt) < HURRY_MS;
  }
  get longestBatch(): number {
    return this.#hurried ? SHORT_BATCH : Number.POSITIVE_INFINITY;
  }
  /**
   * Waits until one more batch may be worked on, and takes it. Quick runs end before a third batch would help: what is claimed beyond two only fills the memory,
   * and is missing elsewhere. Jobs take turns. `again`: before others of its job, so that what was begun ends first. `take`: takes the batch, and gives its load in
   * claimed runs. The result ends the turn, which also ends by itself: who waits for a slot, or has become slow, keeps nobody waiting.
   */
  admit(jobId: string, again: boolean, take: () => number): Promise<() => void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(jobId) ?? [];
      const admitted = (): void => {
        const load = take();
        this.#load += load;
        const leave = this.#leaving(load);
        void this.#clock.pause(this.#patienceMs).then(leave);
        resolve(leave);
      };
      if (again) waiting.unshift(admitted);
      else waiting.push(admitted);
      this.#waiting.set(jobId, waiting);
      this.#admitNext();
    });
  }
  #leaving(load: number): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#load -= load;
      this.#admitNext();
    };
  }
  #admitNext(): void {
    for (const [jobId, waiting] of this.#waiting) {
      if (this.#load > (this.#hurried ? 0 : FULL_LOAD)) return;
      this.#waiting.delete(jobId);
      const next = waiting.shift();
      if (waiting.length > 0) this.#waiting.set(jobId, waiting);
      next?.();
    }
  }
}
/** One more batch is taken on up to this load: one runs while the next is claimed. */
const FULL_LOAD = 64;
/** Full ones would let a small job wait three times as long; a big one beside small ones loses a third of its speed. */
const SHORT_BATCH = 24;
/** After a small job batches stay short for so long: the next one is expected. */
const HURRY_MS = 250;
/** A job is big for so long after a message of many members. */
const BIG_MS = 1_000;
const SMOOTHING = 0.3;
const MOST_TASKS = 1_000;

/** What takes longer than this together is slow. */
export function patienceMs({ batchMs }: Pick<EngineConfig, "batchMs">): number {
  return PATIENCE_BATCHES * batchMs;
}
/** A batch is made to be over in `batchMs`. */
const PATIENCE_BATCHES = 4;

/** What decides how many runs are claimed together. */
interface Paced {
  readonly pace: Pace;
  readonly config: EngineConfig;
}

interface Sized {
  readonly step: TaskStep;
  readonly unclaimed: boolean;
}

/** Over in no time: it is what the engine does for such runs that takes time, and that is done one batch after the other. */
export function isQuick({ pace, config }: Paced, { step }: Pick<Sized, "step">): boolean {
  const mean = pace.mean(step.task);
  return mean !== undefined && mean * SHORT_BATCH <= config.batchMs;
}
/** Waits until the unclaimed members of a whole message are admitted: without that, all messages in hand would run, and write, at once. Returns what ends the turn. */
export async function admitUnclaimed({ pace, config }: Paced, jobId: string, ready: readonly Sized[]): Promise<(() => void) | undefined> {
  const [first] = ready;
  if (!first) return undefined;
  pace.meet(jobId, ready.length);
  if (ready.length === 1 || !ready.every(({ unclaimed }) => unclaimed) || !isQuick({ pace, config }, first)) return undefined;
  return pace.admit(jobId, false, () => ready.length / MEMBERS_PER_CLAIM);
}
/** This many members without claims are as much work as one with a claim. */
const MEMBERS_PER_CLAIM = 32;

/**
 * How many runs of a task are claimed together, run one after the other, and committed together. One of a task that nobody knows, so that what is slow
 * begins in many places; of quick ones as many as are over in `batchMs`. Without claims there is no write that could become too large.
 */
export function batchSize({ pace, config }: Paced, { step, unclaimed }: Sized): number {
  const mean = pace.mean(step.task);
  if (mean === undefined) return 1;
  return Math.max(
    1,
    Math.min(unclaimed ? config.membersPerMessage : Math.min(config.batchMembers, pace.longestBatch), Math.floor(config.batchMs / Math.max(mean, 0.001))),
  );
}
