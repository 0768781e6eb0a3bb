import type { Json, JsonObject } from "../json.ts";
import type { ErrorData } from "./invocation.ts";

/**
 * Why a message was given up.
 * - `not_understood`: it is no message of this engine, or of a release that this one does not know.
 * - `handler_failed`: its handling throws what is no outage.
 * - `run_broken`: its worker fails before it can say why, so its run was ended as broken.
 */
export type DeadLetterReason = "not_understood" | "handler_failed" | "run_broken";
/** A message that was given up. */
export interface DeadLetter {
  readonly id: string;
  readonly at: number;
  readonly queue: string;
  readonly reason: DeadLetterReason;
  readonly error?: ErrorData;
  /** How often it had been sent again before. */
  readonly redrives: number;
  /** What the message asks for, when it can be read. */
  readonly kind?: string;
  readonly jobId?: string;
  readonly task?: string;
  /** The number of runs that the message names, and the first 20 of them. */
  readonly runs?: number;
  readonly runIds?: readonly string[];
  readonly body: Json;
  /** Arguments of the first run. Present only when a single letter is read. */
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
}
/** What a redrive or a purge did, or would do. */
export interface DeadLetterCounts {
  readonly letters: number;
  readonly kinds: readonly {
    readonly queue: string;
    readonly reason: DeadLetterReason;
    readonly task?: string;
    readonly count: number;
  }[];
  /** Letters that a redrive left, because their runs have ended. */
  readonly ended: number;
  /** Letters that a redrive left, because their queue does not exist. */
  readonly refused: number;
  /** Set when more letters may match. */
  readonly cursor?: string;
}
