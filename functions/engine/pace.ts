import type { Context } from "./context.ts";
import type { Ready } from "./lanes.ts";

/** How fast runs of each task were lately, as this engine instance saw them: nobody else needs to know, and nothing depends on it but speed. */
export class Pace {
  /** Milliseconds per run; of tasks that have run. */
  readonly #means = new Map<string, number>();
  /** Runs in batches of more than one that have not been executed. */
  #claimed = 0;
  readonly #waiting: { readonly runs: number; readonly resolve: () => void }[] = [];

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
  /**
   * Waits until a batch of so many runs may be claimed. Quick runs end before a second batch would help: what is claimed beyond that only fills the memory, and is
   * missing elsewhere. The result ends the turn, once.
   */
  async enter(runs: number): Promise<() => void> {
    if (this.#claimed > 0 && (this.#claimed + runs > MOST_CLAIMED || this.#waiting.length > 0)) {
      await new Promise<void>((resolve) => this.#waiting.push({ runs, resolve }));
    } else this.#claimed += runs;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#claimed -= runs;
      this.#admit();
    };
  }
  #admit(): void {
    for (let next = this.#waiting[0]; next && (this.#claimed === 0 || this.#claimed + next.runs <= MOST_CLAIMED); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#claimed += next.runs;
      next.resolve();
    }
  }
}
/** Two full batches: one runs while the other is claimed. */
const MOST_CLAIMED = 128;
const SMOOTHING = 0.3;
const MOST_TASKS = 1_000;

/**
 * How many runs of a task are claimed together, run one after the other, and committed together. One of a task that nobody knows, so that what is slow
 * begins in many places; of quick ones as many as are over in `batchMs`. Without claims there is no write that could become too large.
 */
export function batchSize({ pace, config }: Pick<Context, "pace" | "config">, { step, thin }: Pick<Ready, "step" | "thin">): number {
  const mean = pace.mean(step.task);
  if (mean === undefined) return 1;
  return Math.max(1, Math.min(thin ? config.membersPerMessage : config.batchMembers, Math.floor(config.batchMs / Math.max(mean, 0.001))));
}
