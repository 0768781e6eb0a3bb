import type { Counts } from "../../core/plan/counts.ts";
import type { PlanStep, TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Header, Outcome, Owned, Run } from "../item-kinds.ts";
import type { LedgerAt } from "../items/ledger-reads.ts";

/**
 * F, the work-list of what follows from a terminal run (docs/protocol.md, section 6): next step, or mark the ledger, decide, settle the run that
 * waits above, and so on upward. It is the only code that marks, decides by completion, settles, closes and creates next steps. It runs after a commit,
 * on every redelivery of a finished run, and in the sweep; every item may be repeated at any time.
 */
/** A mark with a `part` is of members without rows: see thin.ts. */
export type FollowItem =
  | { readonly kind: "run"; readonly run: Run }
  | {
      readonly kind: "mark";
      readonly at: LedgerAt;
      readonly height: number;
      readonly marks: ReadonlyMap<number, Counts>;
      readonly owned: Owned;
      readonly part?: string;
    }
  /** Without `totals` the group decides before its ledger is full. */
  | { readonly kind: "decide"; readonly gid: string; readonly round: number; readonly outcome: Outcome; readonly totals?: Counts }
  | { readonly kind: "settle"; readonly gid: string }
  /** A waiting run: has what it waits for happened? */
  | { readonly kind: "check"; readonly run: Run }
  /** The owner of this group has ended: nobody waits for it. Closes it without following the owner again, which would loop. */
  | { readonly kind: "end"; readonly gid: string; readonly round: number }
  | { readonly kind: "close"; readonly gid: string; readonly round: number };

/**
 * Running the one step that follows at once, in the process that follows, in place of a message (docs/protocol.md, section 7): it is created as started. The message
 * that led to it is acknowledged only when all that follows from it is through as well.
 */
export interface InPlace {
  /** Reserves what the step needs; undefined: it goes the usual way. */
  take(ref: RunRef, step: PlanStep): Promise<{ readonly token: string; release(): void } | undefined>;
  /** The row stands, claimed under the token. */
  run(started: { readonly header: Header; readonly run: Run; readonly step: TaskStep; readonly token: string }): void;
}

/** Items by kind: a phase takes all of its kind, so that what can share a write or a read does. Closes come last of all. */
export class WorkList {
  /** Where the one next step may go, if anywhere but into a queue. */
  readonly inPlace: InPlace | undefined;
  readonly #items: { [K in FollowItem["kind"]]: Extract<FollowItem, { kind: K }>[] } = {
    run: [],
    mark: [],
    decide: [],
    settle: [],
    check: [],
    end: [],
    close: [],
  };

  constructor(inPlace?: InPlace) {
    this.inPlace = inPlace;
  }
  push(item: FollowItem): void {
    (this.#items[item.kind] as FollowItem[]).push(item);
  }
  take<K extends FollowItem["kind"]>(kind: K): Extract<FollowItem, { kind: K }>[] {
    return this.#items[kind].splice(0);
  }
}
