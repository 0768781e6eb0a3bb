import type { TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import type { Run } from "../item-kinds.ts";

/** A member whose run may start. */
export interface Ready {
  readonly ref: RunRef;
  /** The row as it was read. Undefined when there is none, or when it was not read. */
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
 * The reports of concurrent work, as one async iterable. Reports are yielded as soon as the work that made them ends.
 * The iterable ends after all work, and then throws the first failure. Work may add more work until it ends.
 */
export class Reports implements AsyncIterable<readonly Report[]> {
  #arrived: Report[] = [];
  readonly #failures: unknown[] = [];
  #unfinished = 0;
  #wake: () => void = () => undefined;

  add(work: Promise<readonly Report[]>): void {
    this.#unfinished++;
    work.then(
      (reports) => this.#finish(reports),
      (error: unknown) => {
        this.#failures.push(error);
        this.#finish([]);
      },
    );
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Report[], void, undefined> {
    for (;;) {
      const arrived = this.#arrived;
      this.#arrived = [];
      if (arrived.length > 0) yield arrived;
      else if (this.#unfinished === 0) break;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    if (this.#failures.length > 0) throw this.#failures[0];
  }
  #finish(reports: readonly Report[]): void {
    this.#unfinished--;
    for (const report of reports) this.#arrived.push(report);
    this.#wake();
  }
}
