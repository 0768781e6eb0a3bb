import type { TrackingLevel } from "./work-shape.ts";

/**
 * Counts what a job of a known shape writes, sends and reads: every write of docs/protocol.md, section 5, one by one, by the same arithmetic as the
 * engine (test/engine/work-count.test.ts runs both and compares). Assumed: nothing fails, nothing is delivered twice, the members of a message end
 * together, rows and headers stay under 1 KB beside their value. Reads are an upper bound: every message finds empty caches.
 */
export interface Protocol {
  /** Leaf width of the ledger. */
  readonly width: number;
  /** Members per expand message. */
  readonly expandRange: number;
  /** Members that share a message, in a group of so many. */
  readonly packSize: (members: number, tracking: TrackingLevel) => number;
  /** Seconds that a queue can delay; more is brought by the sweeper. */
  readonly maxDelaySeconds: number;
  /** Steps that the message of the step before may run in its place, one after the other: when only one follows, and on the same queue. */
  readonly inPlaceSteps: number;
  /** Share of the follow-ups of members tracked by ledger only that count progress. */
  readonly ledgerProgress: number;
}
export interface Sizes {
  /** Bytes of JSON of what a task returns; above 4 KB it is a blob. */
  readonly valueBytes: number;
  /** Messages that Lambda receives at once, of those that were sent at once: 10 at best, 1 at worst. */
  readonly messagesPerReceive: number;
}
export const DEFAULT_SIZES: Sizes = { valueBytes: 0, messagesPerReceive: 10 };
/** What the plan itself takes when it is stored. */
export interface PlanPages {
  readonly writes: number;
  readonly blobs: number;
}

/** Parts of the engine that write, and what is theirs. `jobs`: job item, lists, events, progress. */
export const WRITE_PARTS = ["rows", "ledger", "headers", "plan", "jobs"] as const;
export type WritePart = (typeof WRITE_PARTS)[number];
export interface WorkCount {
  readonly taskRuns: number;
  /** Of all groups; the group of one member that every job has at its root is left out. */
  readonly members: number;
  readonly groups: number;
  /** Of the tallest ledger. */
  readonly height: number;
  /** Write units. */
  readonly writes: { readonly [part in WritePart]: number };
  /** Read units, at most. */
  readonly reads: number;
  /** Of the header of the group whose members come in the most messages, its ledger's marks included: they are reads of one item. */
  readonly headerReads: number;
  readonly blobs: number;
  readonly messages: { readonly [queue: string]: number };
  /** Calls of the queue: each carries up to ten messages. A receive is one invocation. */
  readonly requests: { readonly send: number; readonly receive: number; readonly delete: number };
}
