import { PAUSE_ATTRIBUTES, PAUSES } from "../../functions/engine/items/pause-items.ts";
import type { WriteOp } from "../../functions/engine/ports.ts";
import { type Variant, withAttributes, withWhen } from "./variant-parts.ts";

const isParked = (op: WriteOp): boolean => op.key.partition.startsWith("B#");
const isOfMembers = (body: unknown): boolean => (body as { readonly kind?: unknown }).kind === "members";
const isDrain = (body: unknown): boolean => (body as { readonly kind?: unknown }).kind === "drain";

/** Pauses, and what goes wrong without one of their rules (docs/protocol-rules.md, section 11). */
export const PAUSE_VARIANTS: { readonly [name: string]: Variant } = {
  pauses: {
    removes: "nothing: clients pause and resume, and nothing is lost or starts too late",
    faults: { pauses: true },
  },
  "pauses-no-sweeper": {
    removes: "nothing: what is parked comes back without the sweeper",
    faults: { pauses: true, sweeper: false },
  },
  "run-pause-unseen": {
    removes: "whoever starts a run has read what is paused",
    faults: {
      pauses: true,
      read: ({ key, item, many }) =>
        key.table === "callbacks" && many
          ? withAttributes(item, (attributes) =>
              Object.fromEntries(
                Object.entries(attributes).filter(([name]) => !PAUSE_ATTRIBUTES.some((each) => each === name)),
              ),
            )
          : item,
    },
  },
  "parked-message-lost": {
    removes: "a message is kept before it is acknowledged",
    faults: {
      pauses: true,
      sweeper: false,
      rewrite: (op) => (isParked(op) && op.op === "put" ? undefined : op),
    },
  },
  "parked-without-second-look": {
    removes: "whoever parks a message reads the pause again: it may have ended",
    faults: {
      pauses: true,
      sweeper: false,
      read: ({ key, item, handling }) =>
        key.partition === PAUSES && handling().some(isOfMembers)
          ? { key, attributes: { v: 1, pause: "another", pausedAt: 0 } }
          : item,
    },
  },
  "parked-again-unseen": {
    removes: "a message that was sent is removed only if nobody has parked it again",
    faults: {
      pauses: true,
      sweeper: false,
      rewrite: (op) => (isParked(op) && op.op === "remove" ? withWhen(op, undefined) : op),
    },
  },
  "drained-message-lost": {
    removes: "a parked message is sent before it is removed",
    faults: { pauses: true, sweeper: false, swallow: (_body, handling) => handling.some(isDrain) },
  },
};
