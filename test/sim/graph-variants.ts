import type { WriteOp } from "../../functions/engine/ports.ts";
import { isRow, statusSetBy, type Variant } from "./variant-parts.ts";

const GRAPHS = { graphs: true } as const;
const UNSWEPT = { graphs: true, sweeper: false } as const;
const isUpdate = (op: WriteOp): op is Extract<WriteOp, { op: "update" }> => op.op === "update" && isRow(op);
/** A node of a graph is put, and waits for others. */
const putsNode = (op: WriteOp): boolean => {
  if (op.op !== "put" || !isRow(op) || op.attributes["status"] !== "deferred") return false;
  const unmet = op.attributes["unmet"];
  return unmet instanceof Set && [...(unmet as ReadonlySet<string>)].some((each) => each.startsWith("node:"));
};
/** A write whose condition names the round: only those on nodes of a graph do, of all that end a deferral. */
const isOfNode = (op: WriteOp): boolean =>
  isUpdate(op) &&
  JSON.stringify(op.when).includes('"round"') &&
  JSON.stringify(op.when).includes('"deferred"') &&
  (op.change.remove?.includes("unmet") === true || op.change.take?.["unmet"] !== undefined);
const startsNode = (op: WriteOp): boolean => isOfNode(op) && statusSetBy(op) === "queued";
const cancelsNode = (op: WriteOp): boolean => isOfNode(op) && statusSetBy(op) === "cancelled";

/** Variants without one of the rules of graphs (docs/adr/0030). */
export const GRAPH_VARIANTS: { readonly [name: string]: Variant } = {
  graphs: { removes: "nothing: most canvases hold graphs", faults: GRAPHS },
  "graphs-no-sweeper": { removes: "nothing: nodes need no sweeper without losses", faults: UNSWEPT },
  "roots-before-rows": {
    removes: "all rows of a graph are put before the first of its nodes is sent",
    faults: { ...UNSWEPT, rewrite: (op) => (putsNode(op) ? undefined : op) },
  },
  "edge-wake-unsent": {
    removes: "a node is sent by whoever finds it queued, and not only by the process whose write was applied",
    faults: {
      ...UNSWEPT,
      report: (op, result) => (startsNode(op) && !result.applied ? { ...result, item: undefined } : result),
    },
  },
  "failed-parent-ignored": {
    removes: "a node below one that has failed is cancelled",
    faults: {
      ...GRAPHS,
      rewrite: (op) =>
        isUpdate(op) && cancelsNode(op) ? { ...op, change: { set: { status: "queued" }, remove: ["unmet"] } } : op,
    },
  },
  "parent-taken-twice": {
    removes: "a node is queued once nothing is left of what it waits for",
    faults: {
      ...GRAPHS,
      rewrite: (op) =>
        isUpdate(op) && isOfNode(op) && op.change.take !== undefined
          ? { ...op, change: { set: { status: "queued" }, remove: ["unmet"] } }
          : op,
    },
  },
};
