import type { Counts } from "../../functions/core/plan/counts.ts";
import type { Condition, Item, Key, WriteOp } from "../../functions/engine/ports.ts";
import { EXPIRY_VARIANTS } from "./group-expiry.ts";
import {
  attributesNamed,
  isHeader,
  isLedger,
  isRow,
  type Variant,
  withAttributes,
  without,
  withoutSet,
  withWhen,
} from "./variant-parts.ts";

/** A write that takes a row up in a later round. */
const takesUp = (op: WriteOp): op is Extract<WriteOp, { readonly op: "update" }> =>
  op.op === "update" && isRow(op) && typeof op.change.set?.["round"] === "number";
/** A node that a retry writes for the next round. */
const isCopy = (op: WriteOp): op is Extract<WriteOp, { readonly op: "put" }> => op.op === "put" && isLedger(op);

const setsNow = (op: WriteOp, name: string): boolean => op.op === "update" && op.change.set?.[name] !== undefined;
const withoutRound = (op: WriteOp): WriteOp =>
  withWhen(
    op,
    without(op.when, (part) => part.op !== "and" && attributesNamed(part).includes("round")),
  );
function asksFor(when: Condition | undefined, attribute: string, value: string): boolean {
  if (when?.op === "and") return when.of.some((part) => asksFor(part, attribute, value));
  return when?.op === "eq" && when.attribute === attribute && when.value === value;
}
type Update = Extract<WriteOp, { readonly op: "update" }>;
/** A write that cancels a run whose group is not opened in its round. */
const endsUnopened = (op: WriteOp): op is Update =>
  op.op === "update" &&
  isRow(op) &&
  op.change.set?.["status"] === "cancelled" &&
  asksFor(op.when, "status", "waiting") &&
  op.change.set["collects"] === undefined &&
  (op.change.set["counts"] as Counts | undefined)?.["inexact"] !== undefined;
function asWhole(op: Update): WriteOp {
  const { set = {} } = op.change;
  const { inexact: _snapshot, ...counts } = set["counts"] as Counts;
  return { ...op, change: { ...op.change, set: { ...set, counts } } };
}
const isFailed = (item: Item | undefined): boolean =>
  ["error", "broken", "cancelled"].includes(item?.attributes["status"] as string);
const isRowKey = ({ table, partition }: Key): boolean => table === "tasks" && partition.startsWith("G#");
const isOfEarlierRound = ({ attributes }: Item, round: number): boolean => (attributes["round"] as number) < round;
const gidOf = ({ partition }: Key): string => partition.slice(2, partition.lastIndexOf("#"));

/** Variants without one of the rules of a retry (docs/protocol-rules.md, section 12). */
export const ROUND_VARIANTS: { readonly [name: string]: Variant } = {
  "hasty-retries": {
    removes: "nothing: a job that is cancelled and retried at once ends as if its client had waited",
    faults: { hastyRetries: true },
  },
  "opened-above-unseen": {
    removes: "a decision ends what is below it, though it is opened again before anybody below has met the decision",
    faults: {
      hastyRetries: true,
      read: ({ item, below }) =>
        below !== undefined && item && (item.attributes["round"] as number) > below
          ? withAttributes(item, (attributes) => ({ ...attributes, round: below }))
          : item,
    },
  },
  "unopened-counted-as-whole": {
    removes: "what is below a group that the round of its owner has not opened counts as a snapshot",
    faults: { hastyRetries: true, rewrite: (op) => (endsUnopened(op) ? asWhole(op) : op) },
  },
  "carry-kept": {
    removes: "a step after one that ran again counts what the steps before it have counted in this round",
    faults: { rewrite: (op) => (takesUp(op) ? withoutSet(op, ["carry"]) : op) },
  },
  "select-by-status-only": {
    removes: "a run that ended well is taken up when runs below it failed",
    faults: { rewrite: (op) => (takesUp(op) && asksFor(op.when, "status", "success") ? undefined : op) },
  },
  "marked-by-an-older-round": {
    removes: "a failed run of an earlier round is not marked in a later one: here it reads as one of the later round",
    faults: {
      read: ({ key, item, roundOf }) =>
        isRowKey(key) && isFailed(item)
          ? withAttributes(item, (attributes) => ({ ...attributes, round: roundOf(gidOf(key)) }))
          : item,
    },
  },
  "decided-by-an-older-round": {
    removes: "a decision, an end or a cancel of an earlier round does not end a later one",
    faults: {
      late: (op) => isHeader(op) && setsNow(op, "outcome") && !op.key.partition.includes("."),
      rewrite: (op) => (isHeader(op) && setsNow(op, "outcome") ? withoutRound(op) : op),
    },
  },
  "members-reset-with-live-lease": {
    removes:
      "a retry takes no row up that a worker holds: here a lease of a minute is over as soon as the round begins",
    faults: {
      config: { leaseSeconds: 60 },
      hastyRetries: true,
      read: ({ key, item, roundOf }) =>
        isRowKey(key) && item?.attributes["status"] === "started" && isOfEarlierRound(item, roundOf(gidOf(key)))
          ? withAttributes(item, (attributes) => ({ ...attributes, leaseUntil: 0 }))
          : item,
      rewrite: (op) =>
        takesUp(op)
          ? withWhen(
              op,
              without(op.when, (part) => part.op === "not"),
            )
          : op,
    },
  },
  "retaken-in-every-round": {
    removes:
      "a retry takes a row up once in a round: here what failed in the round reads as if it were of the one before",
    faults: {
      read: ({ key, item, roundOf }) =>
        isRowKey(key) && isFailed(item) && item?.attributes["round"] === roundOf(gidOf(key))
          ? withAttributes(item, (attributes) => ({ ...attributes, round: (attributes["round"] as number) - 1 }))
          : item,
      rewrite: (op) => (takesUp(op) ? withoutRound(op) : op),
    },
  },
  "node-copied-after-header": {
    removes: "the ledger of a round is there before its header",
    faults: { copiesLate: true },
  },
  "part-of-own-round": {
    removes: "the entry of a part names the round in which it was stored",
    faults: {
      rewrite: (op) => {
        const { parts } = isCopy(op) ? op.attributes : {};
        if (!isCopy(op) || !(parts instanceof Set)) return op;
        const round = op.key.partition.split("#")[2];
        const own = [...(parts as Set<string>)].map((entry) => entry.replace(/^\d+\./, `${round}.`));
        return { ...op, attributes: { ...op.attributes, parts: new Set(own) } };
      },
    },
  },
  "round-without-parts": {
    removes: "the ledger of a round names the values of members without rows that it keeps",
    faults: {
      rewrite: (op) => {
        if (!isCopy(op)) return op;
        const { parts: _unnamed, ...attributes } = op.attributes;
        return { ...op, attributes };
      },
    },
  },
  "round-without-counters": {
    removes: "the ledger of a round keeps the counters of members that do not run again",
    faults: {
      rewrite: (op) => {
        if (!isCopy(op)) return op;
        const { success: _lost, ...attributes } = op.attributes;
        return { ...op, attributes };
      },
    },
  },
  ...EXPIRY_VARIANTS,
};
