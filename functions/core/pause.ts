import { FanfoldError } from "./errors.ts";

/** What can be paused. A job stops whole, and the others stop whatever names them. */
export const PAUSE_KINDS = ["job", "queue", "site", "task"] as const;
export type PauseKind = (typeof PAUSE_KINDS)[number];

/** One thing that can be paused. The name of a queue is its full text form. */
export interface PauseTarget {
  readonly kind: PauseKind;
  readonly name: string;
}

/** Returns the text that keys and messages have for a target, like `queue:local.default#worker`. */
export const pauseText = ({ kind, name }: PauseTarget): string => `${kind}:${name}`;

/** Returns the target that `pauseText` made the text of. */
export function pauseTargetOf(text: string): PauseTarget {
  const at = text.indexOf(":");
  const kind = PAUSE_KINDS.find((each) => each === text.slice(0, at));
  if (!kind) throw new FanfoldError("internal", `${text} names nothing that can be paused`);
  return { kind, name: text.slice(at + 1) };
}

/**
 * A pause. That of a job is part of its root header, any other is an item of its own with the same attributes.
 *
 *     (none) -> paused -> resuming (what was parked is sent) -> (none)
 *                  ^---------'
 */
export interface PauseAttributes {
  /** Names this pause, so that nobody takes it for the one before. */
  readonly pause?: string;
  readonly pausedAt?: number;
  /** A time at which it held. Absent until the write that began it was answered, which may take long. */
  readonly inForceAt?: number;
  /** Until when a run of it may be held, as far as the last heartbeat of its holder says. */
  readonly heldUntil?: number;
  /** Set while what was parked is sent. Runs start again from then on. */
  readonly resuming?: true;
}
