import type { WriteOp } from "../../functions/engine/ports.ts";
import { type Variant, withoutSet } from "./variant-parts.ts";

const TIERS = { tiers: true } as const;
const SCHEDULED = { tiers: true, scheduled: true } as const;
const ofIdentity = ({ key }: Pick<WriteOp, "key">): boolean => /^G#~[^.]*$/.test(key.partition);
const beginsByTier = (op: WriteOp): boolean =>
  ofIdentity(op) &&
  op.op === "update" &&
  (op.change.set?.["r_why"] as { readonly of?: string } | undefined)?.of === "tier";

/** Variants without one of the rules of tiers (docs/adr/0026). */
export const TIER_VARIANTS: { readonly [name: string]: Variant } = {
  tiers: { removes: "nothing: failed shared runs begin again by themselves", faults: TIERS },
  "tier-not-written": {
    removes: "the write that ends a run says when it runs again",
    faults: { ...TIERS, rewrite: (op) => (ofIdentity(op) && !beginsByTier(op) ? withoutSet(op, ["due"]) : op) },
  },
  "tier-round-unattended": {
    removes: "a round that a tier has begun stays in the index until it has ended",
    faults: {
      ...TIERS,
      rewrite: (op) => {
        if (!beginsByTier(op) || op.op !== "update") return op;
        const { due: _due, dueShard: _shard, ...set } = op.change.set ?? {};
        return { ...op, change: { ...op.change, set, remove: [...(op.change.remove ?? []), "due", "dueShard"] } };
      },
    },
  },
  scheduled: { removes: "nothing: clients schedule and remove shared runs", faults: SCHEDULED },
  "scheduled-unattended": {
    removes: "a scheduled run is in the index of due rows until it has ended",
    faults: {
      ...SCHEDULED,
      rewrite: (op) => {
        if (!ofIdentity(op)) return op;
        if (op.op === "update") return withoutSet(op, ["due", "dueShard"]);
        if (op.op !== "put") return op;
        const { due: _due, dueShard: _shard, ...attributes } = op.attributes;
        return { ...op, attributes };
      },
    },
  },
};
