import type { TrackingLevel } from "./work-shape.ts";

/**
 * What the count of a job is computed from, and the count itself. The counter (count-work.ts) follows docs/protocol-rules.md,
 * section 5, write by write, with the arithmetic of the engine; test/engine/plan/work-count.test.ts runs both and
 * compares. It assumes that nothing fails, that nothing is delivered twice, that the members of a message end together,
 * and that rows and headers stay below 1 KB beside their value. Reads are an upper bound, since every message is taken
 * to find empty caches.
 */
export interface Protocol {
  /** Members of one leaf of the ledger. */
  readonly width: number;
  /** Members of one expand message. */
  readonly expandRange: number;
  /** Returns how many members share a message in a group of this size. */
  readonly packSize: (members: number, tracking: TrackingLevel) => number;
  /** Longest delay of a queue in seconds. The sweeper sends what is due later. */
  readonly maxDelaySeconds: number;
  /**
   * Steps that the message of the previous step may run in its place, one after the other. A step runs in place only
   * when no other step follows beside it, and on the same queue.
   */
  readonly inPlaceSteps: number;
  /** Share of the follow-ups that count progress, for members tracked by ledger only. */
  readonly ledgerProgress: number;
}
/** Sizes that the shape of a job leaves open. */
export interface Sizes {
  /** Bytes of JSON that a task returns. A value above 4 KB is a blob. */
  readonly valueBytes: number;
  /** Messages that Lambda receives in one call, of those sent together: 10 at best, 1 at worst. */
  readonly messagesPerReceive: number;
}
/** Values of no size, and full receives. */
export const DEFAULT_SIZES: Sizes = { valueBytes: 0, messagesPerReceive: 10 };
/** What storing the plan itself takes. */
export interface PlanPages {
  readonly writes: number;
  readonly blobs: number;
}

/** Parts into which writes are sorted. `jobs` covers the job item, lists, events and progress. */
export const WRITE_PARTS = ["rows", "ledger", "headers", "plan", "jobs"] as const;
export type WritePart = (typeof WRITE_PARTS)[number];
/** The work of a job, counted. */
export interface WorkCount {
  readonly taskRuns: number;
  /** Members of all groups, without the root group of one that every job has. */
  readonly members: number;
  readonly groups: number;
  /** Levels of the tallest ledger. */
  readonly height: number;
  /** Write units by part. */
  readonly writes: { readonly [part in WritePart]: number };
  /** Read units, as an upper bound. */
  readonly reads: number;
  /** Reads of one header, for the group with the most messages. The reads for the marks of its ledger are included. */
  readonly headerReads: number;
  readonly blobs: number;
  readonly messages: { readonly [queue: string]: number };
  /** Calls of the queues. Each carries up to ten messages, and each receive is one invocation. */
  readonly requests: { readonly send: number; readonly receive: number; readonly delete: number };
}
