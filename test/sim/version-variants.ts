import { isTerminal, type RunStatus } from "../../functions/core/plan/run-state.ts";
import { ROOT_STATUS } from "../../functions/engine/items/root-row.ts";
import type { WriteOp } from "../../functions/engine/ports.ts";
import { type Variant, withAttributes, without, withoutSet, withWhen } from "./variant-parts.ts";

const VERSIONS = { versions: true } as const;
const isIdentity = ({ key }: Pick<WriteOp, "key">): boolean => /^G#~[^.]*$/.test(key.partition);

const isRefresh = (body: unknown): boolean => (body as { readonly kind?: string }).kind === "refresh";
const restartsForVersion = (op: WriteOp): boolean =>
  isIdentity(op) && op.op === "update" && op.change.set?.["r_why"] !== undefined;

/** Variants without one of the rules of versions (docs/adr/0025). */
export const VERSION_VARIANTS: { readonly [name: string]: Variant } = {
  versions: { removes: "nothing: several releases run beside each other", faults: VERSIONS },
  "no-cutoff": {
    removes: "an outdated end is verified before its code runs: here it is not kept",
    faults: { ...VERSIONS, rewrite: (op) => (isIdentity(op) ? withoutSet(op, ["r_kept"]) : op) },
  },
  "closure-not-written": {
    removes: "an end says with which versions what it has consumed was made",
    faults: {
      ...VERSIONS,
      rewrite: (op) => {
        if (op.op !== "put" || !op.key.partition.startsWith("DE#")) return op;
        const { closure: _closure, ...attributes } = op.attributes;
        return { ...op, attributes };
      },
    },
  },
  "outdated-pass-resets-started": {
    removes: "the pass begins no run again that has not ended: here runs read as ended while it looks",
    faults: {
      ...VERSIONS,
      read: ({ key, item, handling }) =>
        isIdentity({ key }) && item && handling().some(isRefresh)
          ? withAttributes(item, (attributes) => ({ ...attributes, [ROOT_STATUS]: "success" }))
          : item,
      rewrite: (op) => (restartsForVersion(op) ? withWhen(op, { op: "present" }) : op),
    },
  },
  "older-code-claims": {
    removes: "no process runs what was begun for a higher version than it has",
    faults: {
      ...VERSIONS,
      read: ({ key, item }) =>
        isIdentity({ key }) && item && !isTerminal(item.attributes[ROOT_STATUS] as RunStatus)
          ? withAttributes(item, ({ r_version: _version, r_needs: _needs, ...attributes }) => attributes)
          : item,
      rewrite: (op) =>
        isIdentity(op) && op.op === "update"
          ? withWhen(
              op,
              without(op.when, (part) => part.op === "or" && JSON.stringify(part).includes("r_version")),
            )
          : op,
    },
  },
};
