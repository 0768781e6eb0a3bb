import type { Json } from "../../core/json.ts";
import type { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Strand } from "../../core/plan/plan.ts";
import { errorData, OutcomeError } from "../../core/task/error-data.ts";
import type { StreamItem, TaskOutcome } from "../../core/task/invocation.ts";
import type { StopSignal } from "../../core/task/stop-signal.ts";
import type { Context } from "../context.ts";
import { OPEN_HEIGHT } from "../groups/create-group.ts";
import type { PageCursor } from "../item-kinds.ts";
import { compileChild } from "../plan/compile-child.ts";
import type { StrandOf } from "./steps-behind.ts";

type Cut =
  | { readonly kind: "page"; readonly members: readonly Strand[]; readonly cursorAfter: PageCursor }
  | {
      readonly kind: "end";
      readonly members: readonly Strand[];
      readonly cursorAfter: PageCursor;
      readonly value: Json | undefined;
    }
  | { readonly kind: "failed"; readonly outcome: TaskOutcome }
  | { readonly kind: "aborted" };
type Pulled = { readonly result: IteratorResult<StreamItem, Json | undefined> } | { readonly error: unknown };

const CURSOR_TOO_LARGE: TaskOutcome = {
  kind: "failed",
  error: {
    name: "FanfoldError",
    message: `a cursor has at most ${LIMITS.cursorCharacters} characters of JSON: store what is larger yourself and keep its name in the cursor`,
    reason: "payload_too_large",
    retryable: false,
  },
};
/** Milliseconds from a page's first item until it is cut unfilled, so that children of a slow generator start soon. */
const CUT_AFTER_MS = 200;

/**
 * Pulls a generator into pages. The first page has one item and each next page twice as many. So work starts at once,
 * and large streams have few pages.
 */
export class PageCutter {
  readonly #context: Context;
  readonly #items: AsyncGenerator<StreamItem, Json | undefined, undefined>;
  readonly #signal: StopSignal;
  /** Returns what makes a strand of items. Asked for once items arrive. */
  readonly #stepsBehind: () => Promise<StrandOf | FanfoldError>;
  #strandOf: StrandOf | undefined;
  #at: PageCursor;
  #toSkip: number;
  #pulling = false;
  #pulled: Pulled | undefined;
  /** Whether the first item of the current page has waited for `CUT_AFTER_MS`. */
  #slow = false;
  /**
   * Ends the current wait. There is one wait at a time, because races against long-lived promises would keep every item
   * in memory.
   */
  #wake: () => void = () => undefined;
  readonly #onAbort = (): void => this.#wake();

  constructor(
    context: Context,
    items: AsyncGenerator<StreamItem, Json | undefined, undefined>,
    at: PageCursor,
    signal: StopSignal,
    stepsBehind: () => Promise<StrandOf | FanfoldError>,
  ) {
    this.#stepsBehind = stepsBehind;
    this.#context = context;
    this.#items = items;
    this.#signal = signal;
    this.#at = at;
    this.#toSkip = at.skip;
    signal.addEventListener("abort", this.#onAbort);
  }

  async next(page: number): Promise<Cut> {
    const lastPage = page + 1 >= this.#context.config.width ** OPEN_HEIGHT;
    const full = lastPage ? Number.POSITIVE_INFINITY : Math.min(LIMITS.pageItems, 2 ** Math.min(page, 20));
    const members: Strand[] = [];
    let bytes = 0;
    this.#slow = false;
    // The timer of the page before must not cut this one, above all not the last page, which takes everything.
    this.#pageStart = -1;
    while (members.length < full && (lastPage || (bytes < LIMITS.pageBytes && !this.#slow))) {
      const pulled = await this.#pull();
      if (this.#signal.aborted) return { kind: "aborted" };
      if (!pulled) break; // slow
      if ("error" in pulled) {
        const outcome = outcomeOf(pulled.error);
        // A generator that skips its rest ends the stream. The items before count.
        return outcome.kind === "skipped"
          ? { kind: "end", members, cursorAfter: this.#at, value: outcome.value }
          : { kind: "failed", outcome };
      }
      const { done, value } = pulled.result;
      if (done) return { kind: "end", members, cursorAfter: this.#at, value };
      if (this.#toSkip > 0) {
        this.#toSkip--;
        continue;
      }
      if ("paths" in value && !this.#strandOf) {
        const behind = await this.#stepsBehind();
        if (behind instanceof Error) return { kind: "failed", outcome: outcomeOf(behind) };
        this.#strandOf = behind;
      }
      try {
        const strand =
          "paths" in value
            ? (this.#strandOf as StrandOf)(value.paths)
            : compileChild(this.#context, value.canvas, `/stream/${this.#at.items}`);
        members.push(strand);
        bytes += JSON.stringify(strand).length;
      } catch (error) {
        return { kind: "failed", outcome: outcomeOf(error) };
      }
      if (members.length === 1 && !lastPage && full > 1) this.#startTimer();
      const items = this.#at.items + 1;
      const tooLarge = value.cursor !== undefined && JSON.stringify(value.cursor).length > LIMITS.cursorCharacters;
      if (tooLarge) return { kind: "failed", outcome: CURSOR_TOO_LARGE };
      const on = "paths" in value ? ({ handedOn: true } as const) : undefined;
      if (value.cursor !== undefined) this.#at = { ...this.#at, ...on, cursor: value.cursor, skip: 0, items };
      else this.#at = { ...this.#at, ...on, skip: this.#at.skip + 1, items };
    }
    return { kind: "page", members, cursorAfter: this.#at };
  }
  /** Closes the generator. Its finally blocks run, but nothing waits for them. */
  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#items.return(undefined).catch(() => undefined);
  }

  /**
   * Returns undefined when aborted, or when the page has waited long enough. The pull then continues, and the next page
   * takes its item.
   */
  async #pull(): Promise<Pulled | undefined> {
    if (!this.#pulling) {
      this.#pulling = true;
      void this.#items.next().then(
        (result) => this.#arrived({ result }),
        (error: unknown) => this.#arrived({ error }),
      );
    }
    if (!this.#pulled && !this.#slow && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const pulled = this.#pulled;
    if (pulled) {
      this.#pulled = undefined;
      this.#pulling = false;
    }
    return pulled;
  }
  #arrived(pulled: Pulled): void {
    this.#pulled = pulled;
    this.#wake();
  }
  #startTimer(): void {
    const { items } = this.#at;
    const pause = this.#context.clock.pause(CUT_AFTER_MS);
    const due = (): void => {
      if (this.#pageStart !== items) return;
      this.#slow = true;
      this.#wake();
    };
    this.#pageStart = items;
    pause.then(due, due);
  }
  /** Number of items before the page whose timer runs. It tells the timer of an earlier page, which is ignored. */
  #pageStart = -1;
}
/** Returns the outcome of a failed pull. Generators throw only OutcomeError, so other errors come from checks here. */
function outcomeOf(thrown: unknown): TaskOutcome {
  return thrown instanceof OutcomeError ? thrown.outcome : { kind: "failed", error: errorData(thrown) };
}
