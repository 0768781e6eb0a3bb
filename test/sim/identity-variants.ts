import { isTerminal, type RunStatus } from "../../functions/core/plan/run-state.ts";
import { ROOT_STATUS } from "../../functions/engine/items/root-row.ts";
import type { WriteOp } from "../../functions/engine/ports.ts";
import { DEPENDENCY_VARIANTS } from "./dependency-variants.ts";
import { TIER_VARIANTS } from "./tier-variants.ts";
import { VERSION_VARIANTS } from "./version-variants.ts";
import { isHeader, isRow, statusSetBy, type Variant, withAttributes, without, withWhen } from "./variant-parts.ts";

const isSubscription = ({ op, key }: WriteOp): boolean => op === "put" && key.partition.startsWith("U#");
const isIdentity = ({ key }: Pick<WriteOp, "key">): boolean =>
  key.table === "callbacks" && key.partition.startsWith("G#~") && !key.partition.includes(".");
/** A run begins to wait for an identity: a row of a group, or the first row of a job. */
function beginsToWait(op: WriteOp): boolean {
  const set = op.op === "put" ? op.attributes : op.op === "update" ? (op.change.set ?? {}) : {};
  return set["adopts"] !== undefined || set["r_adopts"] !== undefined;
}
const restarts = (op: WriteOp): boolean =>
  isIdentity(op) &&
  op.op === "update" &&
  op.change.set?.[ROOT_STATUS] === "queued" &&
  op.change.set["asker"] !== undefined;

/** Variants without one of the rules of runs that jobs share (docs/protocol-rules.md, section 9). */
export const IDENTITY_VARIANTS: { readonly [name: string]: Variant } = {
  "adopt-without-subscription": {
    removes: "a run subscribes to an identity before it waits for it",
    faults: { sweeper: false, rewrite: (op) => (isSubscription(op) ? undefined : op) },
  },
  "adopt-without-second-look": {
    removes: "a run that waits for an identity looks at it once more: here no look sees an end",
    faults: {
      sweeper: false,
      read: ({ key, item, previous, many }) =>
        many && isIdentity({ key }) && isTerminal(item?.attributes[ROOT_STATUS] as RunStatus) ? previous : item,
    },
  },
  "identity-claim-without-round": {
    removes: "a claim of an identity is one of the round and the state that were seen",
    faults: {
      rewrite: (op) =>
        isIdentity(op) && op.op === "update" && op.change.set?.[ROOT_STATUS] === "started"
          ? withWhen(op, { op: "present" })
          : op,
    },
  },
  "identity-restart-without-condition": {
    removes: "a round of an identity begins only once, when the one before has ended as it was seen",
    faults: { rewrite: (op) => (restarts(op) ? withWhen(op, { op: "present" }) : op) },
  },
  "identity-created-again": {
    removes: "an identity is created only if it is absent",
    faults: { rewrite: (op) => (isIdentity(op) && op.op === "put" ? withWhen(op, undefined) : op) },
  },
  "scope-on-identity": {
    removes: "an identity belongs to no job: here it reads as decided once a job was cancelled",
    faults: {
      read: ({ key, item, many, chance }) =>
        many && isIdentity({ key }) && item && chance(0.05)
          ? withAttributes(item, (attributes) => ({ ...attributes, outcome: "cancelled" }))
          : item,
    },
  },
  "wake-one-page-only": {
    removes: "all pages of the subscribers of an identity are woken",
    faults: { sweeper: false, swallow: (body) => (body as { kind?: string }).kind === "wake" },
  },
  "identity-gone-with-its-job": {
    removes: "an identity outlives the job that began it: here it reads as gone now and then",
    faults: {
      sweeper: false,
      read: ({ key, item, many, chance }) => (many && isIdentity({ key }) && chance(0.05) ? undefined : item),
    },
  },
  "identity-unswept": {
    removes: "the sweep of a run that waits sends the message of its identity again",
    faults: {
      swallow: (body, handling) => {
        const { kind, gid = "" } = body as { kind?: string; gid?: string };
        const swept = handling.some((each) => (each as { kind?: string }).kind === "sweep");
        return kind === "members" && gid.startsWith("~") && !gid.includes(".") && swept;
      },
    },
  },
  "adopt-without-round": {
    removes: "a run takes no end of a round before the one that it wants",
    faults: {
      rewrite: (op) =>
        (isRow(op) || isHeader(op)) && op.when !== undefined
          ? withWhen(
              op,
              without(op.when, (part) => part.op === "lt" && part.attribute.endsWith("adoptsRound")),
            )
          : op,
    },
  },
  "adopt-overwrites": {
    removes: "the end of an identity is taken only by a run that waits for it",
    faults: {
      rewrite: (op) =>
        (isRow(op) || isHeader(op)) && beginsToWait(op) && op.op === "update" && statusSetBy(op) !== "deferred"
          ? withWhen(op, { op: "present" })
          : op,
    },
  },
  ...DEPENDENCY_VARIANTS,
  ...VERSION_VARIANTS,
  ...TIER_VARIANTS,
};
