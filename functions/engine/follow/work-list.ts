import type { Counts } from "../../core/plan/counts.ts";
import type { PlanStep, TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { all, quiet } from "../concurrently.ts";
import type { Header, Outcome, Owned, Run } from "../item-kinds.ts";
import type { LedgerAt } from "../items/ledger-reads.ts";

/** One piece of follow-up work. Every item may be repeated at any time. */
export type FollowItem =
  /** An ended run, which leads to its next step or to its mark. */
  | { readonly kind: "run"; readonly run: Run }
  | MarkItem
  | DecideItem
  | SettleItem
  /** A waiting run, whose group may have decided already. */
  | { readonly kind: "check"; readonly run: Run }
  | { readonly kind: "close"; readonly gid: string; readonly round: number };

/** Marks of one ledger node. A `part` is set only for members without rows (items/ledger-parts.ts). */
export interface MarkItem {
  readonly kind: "mark";
  readonly at: LedgerAt;
  readonly height: number;
  readonly marks: ReadonlyMap<number, Counts>;
  readonly owned: Owned;
  readonly part?: string;
}
/** A decision. Without `totals` the group decides before its ledger is full. */
export interface DecideItem {
  readonly kind: "decide";
  readonly gid: string;
  readonly round: number;
  readonly outcome: Outcome;
  readonly totals?: Counts;
  /** The header of this round, when it was read consistently before. It saves a read. */
  readonly header?: Header;
}
/** A settle. `header` is set only when it already has its outcome, which never changes. It saves a read. */
export interface SettleItem {
  readonly kind: "settle";
  readonly gid: string;
  readonly header?: Header;
}
export function decide(header: Header, outcome: Outcome, totals?: Counts): DecideItem {
  return {
    kind: "decide",
    gid: header.gid,
    round: header.round,
    outcome,
    header,
    ...(totals !== undefined && { totals }),
  };
}

/**
 * Reserves what a single next step needs to run in this process, without its queue (docs/protocol-rules.md, section 7).
 * Returns undefined when the step goes to its queue.
 */
export type Reserve = (ref: RunRef, step: PlanStep) => Promise<Reservation | undefined>;
export interface Reservation {
  /** The claim token under which the step is created as started. */
  readonly token: string;
  release(): void;
}
/** A next step that was created as started. The caller of `follow` runs it, and then releases its reservation. */
export interface StartedStep {
  readonly header: Header;
  readonly run: Run;
  readonly step: TaskStep;
  readonly reservation: Reservation;
}

/** Items by kind. A phase takes all items of its kind, so that they can share reads and writes. */
export class WorkList {
  readonly reserve: Reserve | undefined;
  /** Next steps that were created as started so far. */
  readonly started: StartedStep[] = [];
  readonly #background: Promise<void>[] = [];
  readonly #items: { [K in FollowItem["kind"]]: Extract<FollowItem, { kind: K }>[] } = {
    run: [],
    mark: [],
    decide: [],
    settle: [],
    check: [],
    close: [],
  };

  constructor(items: readonly FollowItem[] = [], reserve?: Reserve) {
    this.reserve = reserve;
    for (const item of items) this.push(item);
  }
  push(item: FollowItem): void {
    (this.#items[item.kind] as FollowItem[]).push(item);
  }
  take<K extends FollowItem["kind"]>(kind: K): Extract<FollowItem, { kind: K }>[] {
    return this.#items[kind].splice(0);
  }
  /** Adds work that must end before a group is closed, and that nothing else waits for. */
  background(work: Promise<void>): void {
    this.#background.push(quiet(work));
  }
  async backgroundDone(): Promise<void> {
    await all(this.#background.splice(0));
  }
}
