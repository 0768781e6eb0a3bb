import type { TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Header, Run } from "../item-kinds.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import type { ExecuteContext } from "./execute-context.ts";

/** `later`: this member's part of the message must come again; `terminal`: its follow-up is due, now and at every redelivery. */
export type Handled =
  | { readonly kind: "done" }
  | { readonly kind: "later"; readonly delaySeconds: number }
  | { readonly kind: "terminal"; readonly run: Run }
  | { readonly kind: "thin"; readonly member: RowlessEnd };
export const DONE: Handled = { kind: "done" };

/** A member whose run may start. `run`: as it was read; undefined: there is none, or nobody looked. */
export interface Ready {
  readonly ref: RunRef;
  readonly run: Run | undefined;
  readonly step: TaskStep;
  /** Runs without a claim: see thin.ts. */
  readonly thin: boolean;
}
export interface Lanes {
  readonly context: ExecuteContext;
  readonly header: Header;
  readonly loop: WorkerLoop;
  /** Told once for each member, and never awaited: what throws is the caller's. */
  readonly settle: (member: Ready, handled: Handled) => void;
}
