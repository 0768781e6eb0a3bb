import type { Variant } from "./variant-parts.ts";

/** Crashes of a whole machine between any two writes. Only the first pass of the next start may finish what they left. */
export const CRASH_VARIANTS: { readonly [name: string]: Variant } = {
  crashes: {
    removes: "nothing: what a crash leaves begun is taken up by the first sweep of the next start",
    faults: { sweeper: "start", crashes: true },
  },
  "crashes-without-first-sweep": {
    removes: "the first sweep of a start takes up what a crash has left begun",
    faults: { sweeper: false, crashes: true },
  },
  "write-reported-before-applied": {
    removes: "a write that was reported is durable",
    faults: { sweeper: false, reportedBeforeApplied: 0.004 },
  },
};
