import type { Variant } from "./variant-parts.ts";

/** Variants that lose what an operator looks for: failures, and messages that were given up. */
export const FAILURE_VARIANTS: { readonly [name: string]: Variant } = {
  "failure-not-listed": {
    removes: "a failure is listed before its message is acknowledged",
    faults: { rewrite: (op) => (op.key.partition.startsWith("FX#") ? undefined : op) },
  },
  "dead-letter-not-kept": {
    removes: "what cannot be handled is kept before its message is acknowledged",
    faults: { sweeper: false, rewrite: (op) => (op.key.partition === "DL" && op.op === "put" ? undefined : op) },
  },
  "redrive-removes-first": {
    removes: "a dead letter is sent before it is removed: here what a redrive sends never arrives",
    faults: { sweeper: false, swallow: (body) => (body as { redrives?: number }).redrives !== undefined },
  },
  "given-up-acknowledged-first": {
    removes: "a message that was given up is acknowledged last",
    faults: { sweeper: false, loop: { ackGivenUp: true } },
  },
};
