import type { Variant } from "./variant-parts.ts";

/** Variants that lose what an operator looks for: failures, and messages that were given up. */
export const FAILURE_VARIANTS: { readonly [name: string]: Variant } = {
  "failure-not-listed": {
    removes: "a failure is listed before its message is acknowledged",
    faults: { rewrite: (op) => (op.key.partition.startsWith("FX#") ? undefined : op) },
  },
};
