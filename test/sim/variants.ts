import type { WriteOp } from "../../functions/engine/ports.ts";
import { CRASH_VARIANTS } from "./crash-variants.ts";
import { FAILURE_VARIANTS } from "./failure-variants.ts";
import { FLOW_VARIANTS } from "./flow-variants.ts";
import { ITEM_VARIANTS } from "./item-variants.ts";
import { REPORT_VARIANTS } from "./report-variants.ts";
import { ROUND_VARIANTS } from "./round-variants.ts";
import { IDENTITY_VARIANTS } from "./identity-variants.ts";
import { SOLO_VARIANTS } from "./solo-variants.ts";
import { SCHEDULE_VARIANTS } from "./schedule-variants.ts";
import {
  asIfApplied,
  attributesNamed,
  counted,
  drops,
  isClaim,
  isCommit,
  isFence,
  isHeader,
  isLedger,
  isPartOf,
  isRow,
  isWake,
  namesPart,
  statusSetBy,
  unguarded,
  type Variant,
  withAttributes,
  without,
  withoutSet,
  withWhen,
} from "./variant-parts.ts";

/** Batches are big and may outlast a lease, so that another worker takes some of their runs over. */
const OFTEN_TOGETHER = { batchMembers: 5, batchMs: 60_000, membersPerMessage: 5, leaseSeconds: 4 };

/**
 * Broken variants. Each removes one rule of docs/protocol-rules.md through a port or a worker loop that breaks its
 * promise. The engine's code stays the same. When no seed catches a variant, either the rule is not needed or the
 * simulation does not check it.
 */
export const VARIANTS: { readonly [name: string]: Variant } = {
  "no-sweeper": { removes: "nothing: without losses the sweeper is not needed", faults: { sweeper: false } },
  "no-sweeper-with-message-loss": {
    removes: "the sweeper sends again what was lost",
    faults: { sweeper: false, loss: true },
  },
  "unguarded-add": { removes: "a ledger takes a mark only if it is not there yet", faults: { rewrite: unguarded } },
  "part-marked-unguarded": {
    removes: "of two deliveries that ran a member without a claim the second marks nothing",
    faults: { rewrite: (op) => (namesPart(op) ? withWhen(op, undefined) : op) },
  },
  "part-not-named": {
    removes: "a mark of a member without a row names the part that has its value",
    faults: {
      rewrite: (op) => {
        if (!namesPart(op) || op.op !== "update") return op;
        const { parts: _unnamed, ...add } = op.change.add ?? {};
        return { ...op, change: { ...op.change, add } };
      },
    },
  },
  "lost-part": {
    removes: "values of members without rows are stored before the mark that names them",
    faults: { lostParts: 0.3 },
  },
  "plain-counter": {
    removes: "the ledger is a set: marks are counted instead",
    faults: {
      rewrite: (op) => {
        if (op.op !== "update" || !isLedger(op)) return op;
        const marks = op.change.add?.["done"] as ReadonlySet<number>;
        return { ...unguarded(op), change: { ...op.change, add: { ...op.change.add, n: marks.size } } } as WriteOp;
      },
      report: (op, result) => (isLedger(op) ? { ...result, item: counted(result.item) } : result),
      read: ({ item }) => (item?.key.partition.startsWith("L#") ? counted(item) : item),
    },
  },
  "header-upsert": {
    removes: "a header write but the first needs a header that exists",
    faults: {
      rewrite: (op) =>
        op.op === "update" && isHeader(op)
          ? withWhen(
              op,
              without(op.when, (part) => (part.op === "present" && part.attribute === undefined) || part.op === "eq"),
            )
          : op,
    },
  },
  "no-fencing": {
    removes: "a commit needs the lease and the attempt it was made under",
    faults: { rewrite: (op) => (isFence(op) ? withWhen(op, { op: "present" }) : op) },
  },
  "no-attempt-fence": {
    removes: "a commit needs the lease it was made under; `started` alone is not enough",
    faults: {
      rewrite: (op) =>
        isFence(op)
          ? withWhen(
              op,
              without(
                op.when,
                ({ op: kind, ...part }) => kind === "eq" && "attribute" in part && part.attribute !== "status",
              ),
            )
          : op,
    },
  },
  "claims-as-one": {
    removes: "of runs that are claimed together each has an outcome of its own",
    faults: {
      config: OFTEN_TOGETHER,
      reportMany: (ops, results) =>
        ops.every(isClaim) ? results.map((result) => ({ ...result, applied: results[0]?.applied === true })) : results,
    },
  },
  "commits-as-one": {
    removes: "of runs that are committed together each has its own fence",
    faults: {
      config: OFTEN_TOGETHER,
      reportMany: (ops, results) => {
        const committed = ops.length > 1 && ops.every(isCommit);
        return committed
          ? results.map((result, k) => (result.applied ? result : asIfApplied(ops[k] as WriteOp, result)))
          : results;
      },
    },
  },
  "no-skew-margin": {
    removes: "a lease is over only when the slowest clock says so",
    faults: { config: { skewMarginSeconds: 0 } },
  },
  "instance-id-lease-owner": {
    removes: "a lease belongs to one claim, not to a process",
    faults: { tokenPerProcess: true },
  },
  "claim-without-condition": {
    removes: "a claim needs an idle row, or a lease that is over",
    faults: {
      rewrite: (op) =>
        op.op === "update" && isRow(op) && statusSetBy(op) === "started" ? withWhen(op, { op: "present" }) : op,
    },
  },
  "settle-without-condition": {
    removes: "a decision ends only the row that waits for it",
    faults: {
      rewrite: (op) =>
        op.op === "update" && isRow(op) && op.when !== undefined && attributesNamed(op.when).includes("joins")
          ? withWhen(op, { op: "present" })
          : op,
    },
  },
  "decide-without-condition": {
    removes: "the first outcome of a round stays",
    faults: {
      rewrite: (op) =>
        op.op === "update" && isHeader(op) && op.change.set?.["outcome"] !== undefined
          ? withWhen(op, { op: "present" })
          : op,
    },
  },
  "next-step-overwritten": {
    removes: "a next step is put only if it is absent",
    faults: {
      rewrite: (op) => (op.op === "put" && isRow(op) && !op.key.sort.endsWith("#0000") ? withWhen(op, undefined) : op),
    },
  },
  "first-step-overwritten": {
    removes: "a row that is written before it runs is put only if it is absent",
    faults: {
      rewrite: (op) => (op.op === "put" && isRow(op) && op.key.sort.endsWith("#0000") ? withWhen(op, undefined) : op),
    },
  },
  "result-overwritten": {
    removes: "of two deliveries that ran a member without a claim the first writes its row",
    faults: { rewrite: (op) => (op.op === "put" && isCommit(op) ? withWhen(op, undefined) : op) },
  },
  "header-overwritten": {
    removes: "a header is created only if it is absent: the one that stands there is the truth",
    faults: { rewrite: (op) => (op.op === "put" && isHeader(op) ? withWhen(op, undefined) : op) },
  },
  "page-without-cursor": {
    removes: "the row of a page says where its owner goes on",
    faults: {
      rewrite: (op) => {
        if (op.op !== "put" || op.attributes["cursorAfter"] === undefined) return op;
        return {
          ...op,
          attributes: {
            ...op.attributes,
            cursorAfter: { skip: 0, items: (op.attributes["cursorAfter"] as { items: number }).items },
          },
        };
      },
    },
  },
  "lost-blob": { removes: "a large value is stored before a row points at it", faults: { lostBlobs: 0.3 } },
  "ack-before-handling": {
    removes: "a message is acknowledged last",
    faults: { sweeper: false, loop: { ackBeforeHandling: true } },
  },
  "ack-on-later": {
    removes: "a live lease, or a run that is not due, is never acknowledged",
    faults: { sweeper: false, loop: { ackOnLater: true } },
  },
  "ack-on-error": {
    removes: "what throws is not acknowledged",
    faults: { sweeper: false, loop: { ackOnError: true } },
  },
  "ack-on-lost-lease": {
    removes: "a lost fence never acknowledges",
    faults: { sweeper: false, loop: { ackOnLostLease: true } },
  },
  "ack-on-spare-slot": {
    removes: "a message is acknowledged after all steps that run in its place",
    faults: { sweeper: false, loop: { ackOnSpareSlot: true } },
  },
  "no-replay-on-redelivery": {
    removes: "a finished run is followed again at every redelivery",
    faults: { sweeper: false, loop: { ackFinished: true } },
  },
  "lost-outbox": {
    removes: "what was spawned is written with the commit",
    faults: {
      rewrite: (op) => {
        if (op.op !== "update" || op.change.set?.["manifest"] === undefined || op.change.set["status"] !== "waiting")
          return op;
        const { manifest: _lost, ...set } = op.change.set;
        return { ...op, change: { ...op.change, set } };
      },
    },
  },
  "range-message-lost": {
    removes: "a range of members is sent until it has arrived",
    faults: { sweeper: false, swallow: (body) => (body as { kind?: string }).kind === "expand" },
  },
  "settle-handed-over-into-nothing": {
    removes: "what a follow-up hands over is done by the engine's own queue",
    faults: { sweeper: false, swallow: (body) => (body as { kind?: string }).kind === "settle" },
  },
  "smaller-message-lost": {
    removes: "what is left of a packed message is sent before the message is acknowledged",
    faults: {
      sweeper: false,
      config: { membersPerMessage: 3 },
      swallow: (body, handling) => handling.some((whole) => isPartOf(body, whole)),
    },
  },
  "unsealed-root": {
    removes: "a root without a member count never decides",
    faults: {
      read: ({ item, rowsOf }) =>
        item?.attributes["pages"] === true && item.attributes["memberCount"] === undefined
          ? withAttributes(item, (attributes) => ({ ...attributes, memberCount: rowsOf(item.key.partition.slice(2)) }))
          : item,
    },
  },
  "stale-header-reads": {
    removes: "the header is read after the mark, the ledger after the seal, and truly",
    faults: {
      sweeper: false,
      read: ({ key, item, previous, chance }) =>
        key.table === "callbacks" && previous && chance(0.3) ? previous : item,
    },
  },
  "stale-row-reads": {
    removes: "rows are read consistently before anything is done about them",
    faults: {
      sweeper: false,
      read: ({ key, item, previous, chance }) =>
        key.partition.startsWith("G#") && key.table === "tasks" && previous && chance(0.3) ? previous : item,
    },
  },
  "hidden-item-on-failed-condition": {
    removes: "a refused write shows the item that stood there",
    faults: { sweeper: false, report: (_op, result) => (result.applied ? result : { ...result, item: undefined }) },
  },
  "decided-ancestor-that-is-not": {
    removes: "only what was read consistently says that a group above has decided",
    faults: {
      read: ({ key, item, many, chance }) =>
        many && key.table === "callbacks" && item && item.attributes["outcome"] === undefined && chance(0.05)
          ? withAttributes(item, (attributes) => ({ ...attributes, outcome: "failed" }))
          : item,
    },
  },
  "cached-gate-says-drop": {
    removes: "a message is dropped only by what was read consistently: here a header that stands there reads as gone",
    faults: {
      sweeper: false,
      read: ({ key, item, many, chance }) => (many && key.table === "callbacks" && chance(0.03) ? undefined : item),
    },
  },
  "unflagged-snapshot": {
    removes: "a group that is dropped before all its pages were marked says so",
    faults: { rewrite: (op) => (drops(op) ? withoutSet(op, ["early"]) : op) },
  },
  "mark-without-callbacks": {
    removes: "a member is marked once all callbacks beside its steps have decided",
    faults: {
      read: ({ item, many }) =>
        many && item?.attributes["side"] !== undefined && item.attributes["outcome"] === undefined
          ? withAttributes(item, (attributes) => ({ ...attributes, outcome: "complete" }))
          : item,
    },
  },
  "revocation-unseen": {
    removes: "whoever starts a run has read whether it was revoked",
    faults: {
      swallow: (body) => (body as { kind?: string }).kind === "revoke",
      read: ({ item }) =>
        item?.attributes["revoked"] === undefined || item.attributes["outcome"] !== undefined
          ? item
          : withAttributes(item, ({ revoked: _unseen, ...attributes }) => attributes),
    },
  },
  "stamp-revocation-unseen": {
    removes: "whoever starts a run has read which stamps of its job are revoked",
    faults: {
      read: ({ item, many }) =>
        !many || item?.attributes["revokedStamps"] === undefined
          ? item
          : withAttributes(item, ({ revokedStamps: _unseen, ...attributes }) => attributes),
    },
  },
  "event-not-kept": {
    removes: "an event is put before anybody is told of it, and looked for after anybody has asked for it",
    faults: { read: ({ key, item }) => (key.partition.startsWith("E#") ? undefined : item), sweeper: false },
  },
  "deferred-without-second-look": {
    removes: "a run that has deferred looks for its events once more",
    faults: {
      sweeper: false,
      read: ({ key, item, many }) => (many && key.partition.startsWith("E#") ? undefined : item),
    },
  },
  "deferred-unsubscribed": {
    removes: "a run subscribes to its events before it defers",
    faults: {
      sweeper: false,
      rewrite: (op) =>
        op.op === "put" && op.key.partition.startsWith("W#") && op.attributes["runId"] !== undefined ? undefined : op,
    },
  },
  "deferred-unswept": {
    removes: "the sweeper looks for the events of runs that rest: here most senders die before they have woken anybody",
    faults: {
      dies: (op) => op.op === "put" && op.key.partition.startsWith("E#"),
      read: ({ key, item, many, handling }) =>
        many &&
        key.partition.startsWith("E#") &&
        handling().some((body) => (body as { kind?: string }).kind === "sweep")
          ? undefined
          : item,
    },
  },
  "woken-unsent": {
    removes: "a wake goes by what the row says: it sends its message whoever queued it",
    faults: {
      sweeper: false,
      report: (op, result) => (isWake(op) && !result.applied ? { ...result, item: undefined } : result),
    },
  },
  "event-deadline-forgotten": {
    removes: "the time of a wait begins with its first look",
    faults: { rewrite: (op) => withoutSet(op, ["eventDeadlines"]) },
  },
  "deferred-without-end": {
    removes: "a deferred run comes back at its deadline",
    faults: {
      rewrite: (op) => (statusSetBy(op) === "deferred" ? withoutSet(op, ["notBefore", "due", "dueShard"]) : op),
    },
  },
  "execution-not-asked-after": {
    removes: "the sweeper asks after executions: that the platform says how they end is not relied on",
    faults: {
      swallow: (body, handling) =>
        (body as { kind?: string }).kind === "execution" &&
        handling.some((each) => (each as { kind?: string }).kind === "sweep"),
    },
  },
  "execution-not-stopped": {
    removes: "the execution of a run that has ended otherwise is stopped before its group is closed",
    faults: { deafExecutions: true },
  },
  "execution-without-a-name": {
    removes: "an execution is named after its group, so that starting it again is harmless",
    faults: { namelessExecutions: true },
  },
  ...CRASH_VARIANTS,
  ...FAILURE_VARIANTS,
  ...ROUND_VARIANTS,
  ...SOLO_VARIANTS,
  ...IDENTITY_VARIANTS,
  ...SCHEDULE_VARIANTS,
  ...FLOW_VARIANTS,
  ...ITEM_VARIANTS,
  ...REPORT_VARIANTS,
};
