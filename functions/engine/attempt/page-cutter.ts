import type { Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Strand } from "../../core/plan/plan.ts";
import { errorData, OutcomeError } from "../../core/task/error-data.ts";
import type { StreamItem, TaskOutcome } from "../../core/task/invocation.ts";
import type { StopSignal } from "../../core/task/stop-signal.ts";
import type { Context } from "../context.ts";
import { OPEN_HEIGHT } from "../groups/create-group.ts";
import type { PageCursor } from "../item-kinds.ts";
import { compileChild } from "../plan/compile-child.ts";

type Cut =
  | { readonly kind: "page"; readonly members: readonly Strand[]; readonly cursorAfter: PageCursor }
  | { readonly kind: "end"; readonly members: readonly Strand[]; readonly cursorAfter: PageCursor; readonly value: Json | undefined }
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
/** A page is cut when it is full or when its first item has waited this long: a slow generator's children start at once. */
const CUT_AFTER_MS = 200;

/** Pulls a generator into pages: the first page is one item, the next ones double, so that work starts at once and big streams have few pages. */
export class PageCutter {
  readonly #context: Context;
  readonly #items: AsyncGenerator<StreamItem, Json | undefined, undefined>;
  readonly #signal: StopSignal;
  #at: PageCursor;
  #toSkip: number;
  #pulling = false;
  #pulled: Pulled | undefined;
  /** Of the page being cut: its first item has waited long enough. */
  #slow = false;
  /** Ends the current wait. One at a time: races against long-lived promises would keep every item in memory. */
  #wake: () => void = () => undefined;
  readonly #onAbort = (): void => this.#wake();

  constructor(context: Context, items: AsyncGenerator<StreamItem, Json | undefined, undefined>, at: PageCursor, signal: StopSignal) {
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
    this.#pageStart = -1; // the timer of the page before must not cut this one: the last page there is room for takes everything
    while (members.length < full && (lastPage || (bytes < LIMITS.pageBytes && !this.#slow))) {
      const pulled = await this.#pull();
      if (this.#signal.aborted) return { kind: "aborted" };
      if (!pulled) break; // slow
      if ("error" in pulled) {
        const outcome = outcomeOf(pulled.error);
        // Skipping the rest ends the stream; what was yielded before it counts.
        return outcome.kind === "skipped" ? { kind: "end", members, cursorAfter: this.#at, value: outcome.value } : { kind: "failed", outcome };
      }
      const { done, value } = pulled.result;
      if (done) return { kind: "end", members, cursorAfter: this.#at, value };
      if (this.#toSkip > 0) {
        this.#toSkip--;
        continue;
      }
      try {
        const strand = compileChild(this.#context, value.canvas, `/stream/${this.#at.items}`);
        members.push(strand);
        bytes += JSON.stringify(strand).length;
      } catch (error) {
        return { kind: "failed", outcome: outcomeOf(error) };
      }
      if (members.length === 1 && !lastPage && full > 1) this.#startTimer();
      const items = this.#at.items + 1;
      const tooLarge = value.cursor !== undefined && JSON.stringify(value.cursor).length > LIMITS.cursorCharacters;
      if (tooLarge) return { kind: "failed", outcome: CURSOR_TOO_LARGE };
      if (value.cursor !== undefined) this.#at = { cursor: value.cursor, skip: 0, items };
      else this.#at = { ...this.#at, skip: this.#at.skip + 1, items };
    }
    return { kind: "page", members, cursorAfter: this.#at };
  }
  /** Leaves the generator: its finally blocks run, nobody waits for them. */
  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#items.return(undefined).catch(() => undefined);
  }

  /** undefined: aborted, or the page has waited long enough; the pull goes on and is taken by the next page. */
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
  /** Items before the page whose timer runs: a timer of an earlier page means nothing. */
  #pageStart = -1;
}
/** A generator throws nothing but OutcomeError; anything else was refused here. */
function outcomeOf(thrown: unknown): TaskOutcome {
  return thrown instanceof OutcomeError ? thrown.outcome : { kind: "failed", error: errorData(thrown) };
}
