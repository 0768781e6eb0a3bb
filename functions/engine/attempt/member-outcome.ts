import type { Run } from "../item-kinds.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";

/** What became of one member of a message. */
export type MemberOutcome =
  /** Nothing is left to do for the member: it waits, another message carries it, or its group does not need it. */
  | { readonly kind: "done" }
  /** The member's part of the message must be delivered again. */
  | { readonly kind: "later"; readonly delaySeconds: number }
  /** The run is terminal. Its follow-up is due, now and at every redelivery. */
  | { readonly kind: "ended"; readonly run: Run }
  /** The member simply succeeded and has no row. Its follow-up is its mark. */
  | { readonly kind: "rowless"; readonly end: RowlessEnd };

export const DONE: MemberOutcome = { kind: "done" };
