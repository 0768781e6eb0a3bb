import type { TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import type { Run } from "../item-kinds.ts";

/** A member whose run may start. */
export interface Ready {
  readonly ref: RunRef;
  /** The row as it was read; undefined when there is none, or when it was not read. */
  readonly run: Run | undefined;
  readonly step: TaskStep;
  /** The member runs without a claim (attempt/unclaimed.ts). */
  readonly unclaimed: boolean;
}

/** What became of one member. Each member is reported at most once. */
export interface Report {
  readonly ref: RunRef;
  readonly outcome: MemberOutcome;
}

/**
 * The reports of work that goes on side by side, as one async iterable: each set is given as soon as its work is through. The iterable ends when all work is through,
 * and then throws the first failure. Work may add more work while it goes on.
 */
export class Reports implements AsyncIterable<readonly Report[]> {
  #arrived: Report[] = [];
  readonly #failures: unknown[] = [];
  #working = 0;
  #wake: () => void = () => undefined;

  add(work: Promise<readonly Report[]>): void {
    this.#working++;
    work.then(
      (reports) => this.#through(reports),
      (error: unknown) => {
        this.#failures.push(error);
        this.#through([]);
      },
    );
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Report[], void, undefined> {
    for (;;) {
      const arrived = this.#arrived;
      this.#arrived = [];
      if (arrived.length > 0) yield arrived;
      else if (this.#working === 0) break;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    if (this.#failures.length > 0) throw this.#failures[0];
  }
  #through(reports: readonly Report[]): void {
    this.#working--;
    for (const report of reports) this.#arrived.push(report);
    this.#wake();
  }
}
