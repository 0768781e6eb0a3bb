import type { Json } from "../../functions/core/json.ts";
import type { WriteOp } from "../../functions/engine/ports.ts";
import { type Variant, withWhen } from "./variant-parts.ts";

const CAPPED = { backlog: true } as const;
const UNSWEPT = { backlog: true, sweeper: false } as const;

const isEntry = (op: WriteOp): boolean => op.key.partition.startsWith("BQ#");
const isDispatcher = (op: WriteOp): op is Extract<WriteOp, { readonly op: "update" }> =>
  op.op === "update" && op.key.partition === "BD";
const dispatchOf = (body: Json): { readonly next?: string } | undefined => {
  const message = body as { readonly kind?: string; readonly next?: string };
  return message.kind === "dispatch" ? message : undefined;
};
const isOfMembers = (body: Json): boolean => (body as { readonly kind?: string }).kind === "members";

/** Backlogs, and what goes wrong without one of their rules (docs/protocol-rules.md, section 11). */
export const BACKLOG_VARIANTS: { readonly [name: string]: Variant } = {
  backlog: {
    removes: "nothing: no queue exceeds its cap by more than a turn, and nothing is lost over deaths of dispatchers",
    faults: CAPPED,
  },
  "backlog-no-sweeper": {
    removes: "nothing: without losses, what waits is admitted without the sweeper",
    faults: UNSWEPT,
  },
  "backlog-paused": {
    removes: "nothing: what a pause holds is not admitted, and a resume floods no queue",
    faults: { backlog: true, pauses: true },
  },
  "put-lost": {
    removes: "members are in the backlog before their message is acknowledged",
    faults: { ...UNSWEPT, rewrite: (op) => (isEntry(op) && op.op === "put" ? undefined : op) },
  },
  "advance-before-send": {
    removes: "a dispatcher sends members before it takes them out of the backlog",
    faults: {
      ...UNSWEPT,
      swallow: (body, handling) => isOfMembers(body) && handling.length === 1 && handling.some(dispatchOf),
    },
  },
  "advance-unconditional": {
    removes: "members are taken out of the backlog only if nobody has put more of them since",
    faults: {
      ...UNSWEPT,
      pauses: true,
      rewrite: (op) => (isEntry(op) && op.op !== "put" ? withWhen(op, undefined) : op),
    },
  },
  "depth-error-as-zero": {
    removes: "a queue whose depth is unknown is given nothing",
    faults: { ...CAPPED, depthAsZero: true },
  },
  "dispatcher-not-asked": {
    removes: "whoever puts members into a backlog asks its dispatcher afterwards",
    faults: {
      ...UNSWEPT,
      swallow: (body) => {
        const message = dispatchOf(body);
        return message !== undefined && message.next === undefined;
      },
    },
  },
  "next-look-lost": {
    removes: "a dispatcher that leaves something behind looks again",
    faults: { ...UNSWEPT, swallow: (body) => dispatchOf(body)?.next !== undefined },
  },
  "dispatcher-without-lease": {
    removes: "a queue has one dispatcher at a time",
    faults: {
      ...CAPPED,
      rewrite: (op) => (isDispatcher(op) && op.change.set?.["leaseUntil"] !== undefined ? withWhen(op, undefined) : op),
    },
  },
  "bands-mixed-up": {
    removes: "the highest band is served first: here low and high change places when they are put",
    faults: {
      ...CAPPED,
      rewrite: (op) => (isEntry(op) && op.op === "put" ? { ...op, key: { ...op.key, partition: swapped(op) } } : op),
    },
  },
};
function swapped({ key }: WriteOp): string {
  const queue = key.partition.slice(0, -1);
  return `${queue}${2 - Number(key.partition.slice(-1))}`;
}
