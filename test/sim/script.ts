import type { Canvas, FailurePolicy } from "../../functions/core/canvas/canvas.ts";
import type { ItemCounts } from "../../functions/core/task/item-counts.ts";
import type { RunLimits } from "../../functions/core/task/run-limits.ts";
import type { Needs } from "./shared-work.ts";

/**
 * The behaviour of a simulated task. It travels in the signature's kwargs, so a worker knows only what the engine gave
 * it.
 */
export interface Script {
  /** Unique within a run of the simulation, unless a signature is repeated on purpose. */
  readonly label: string;
  /** The most scheduler steps that user code takes. */
  readonly steps: number;
  /** With `once` the first attempt fails, with `retry` it asks for another, and with `skip` the run ends as skipped. */
  readonly behaviour: "succeed" | "once" | "retry" | "always" | "fatal" | "broken" | "skip";
  /** The round from which on nothing fails any more: what made it fail has gone. */
  readonly heals?: number;
  readonly delaySeconds?: number;
  readonly counters?: { readonly [name: string]: number };
  /** Items that the task reports, by state. */
  readonly items?: Partial<ItemCounts>;
  /** Number of items that the task reports one by one, in a stream. */
  readonly reports?: number;
  /** Makes the value too big to stay inline. */
  readonly big?: true;
  /**
   * Sets of events to wait for before any other work, or in the middle of a streaming task. The task waits for one set
   * after the other, and for the events of a set together.
   */
  readonly waits?: readonly (readonly ScriptWait[])[];
  /** Also reads the collected results through the engine's services. */
  readonly reads?: true;
  readonly spawn?: {
    readonly children: readonly Canvas[];
    readonly policy: FailurePolicy;
    readonly value: "own" | "group" | "replace" | "extras";
    /** Even attempts spawn all but the first child. */
    readonly varies?: true;
  };
  /** Makes the work an execution with this end. */
  readonly execution?: "succeeds" | "fails";
  /** What the run must hold while its code executes: the limits of its signature. */
  readonly limits?: RunLimits;
  /** Shared runs that it depends on, by kind (shared-work.ts). */
  readonly needs?: Needs;
  /** Makes the value differ from round to round. */
  readonly changes?: true;
  /** Makes the value differ from version to version of its task. */
  readonly tells?: true;
  readonly stream?: {
    readonly items: readonly Canvas[];
    readonly policy: FailurePolicy;
    readonly cursors: boolean;
    /** Whether the run has its own value. Otherwise it takes its children's results. */
    readonly own: boolean;
  };
}
export interface ScriptWait {
  readonly name: string;
  readonly seconds?: number;
  /** Fails when the event times out, instead of continuing without it. */
  readonly fails?: true;
}
