import { isTerminal, type RunStatus } from "../../functions/core/plan/run-state.ts";
import { ROOT_STATUS } from "../../functions/engine/items/root-row.ts";
import type { Attributes, WriteOp } from "../../functions/engine/ports.ts";
import type { Variant } from "./variant-parts.ts";

const NO_SWEEPER = { sweeper: false } as const;
const isDependent = ({ op, key }: WriteOp): boolean => op === "put" && /^U#.*#d$/.test(key.partition);
const isIdentity = ({ key }: Pick<WriteOp, "key">): boolean => /^G#~[^.]*$/.test(key.partition);
const isUpdate = (op: WriteOp): op is Extract<WriteOp, { op: "update" }> => op.op === "update";
/** An identity begins again because a dependency has ended otherwise. */
const renews = (op: WriteOp): boolean => isUpdate(op) && isIdentity(op) && op.change.set?.["r_cause"] !== undefined;
const endsCycle = (op: WriteOp): boolean => {
  const set = isUpdate(op) ? (op.change.set ?? {}) : {};
  const error = (set["error"] ?? set["r_error"]) as { readonly reason?: string } | undefined;
  return error?.reason === "dependency_cycle";
};

/** Returns the attributes of an item with edges, as if every end had been another one. */
function otherwise(attributes: Attributes): Attributes {
  const edges = Object.entries(attributes["edges"] as unknown as { readonly [name: string]: { readonly gid: string } });
  return { ...attributes, edges: Object.fromEntries(edges.map(([name, { gid }]) => [name, { gid, outcome: "?" }])) };
}

/** Variants without one of the rules of dependencies (docs/protocol-rules.md, section 9). */
export const DEPENDENCY_VARIANTS: { readonly [name: string]: Variant } = {
  "dependent-not-put": {
    removes: "a run is among the dependents of an identity before it waits for it",
    faults: { ...NO_SWEEPER, rewrite: (op) => (isDependent(op) ? undefined : op) },
  },
  "dependency-without-second-look": {
    removes: "a run that waits for dependencies looks at them once more: here no look sees an end",
    faults: {
      ...NO_SWEEPER,
      read: ({ key, item, previous, many }) =>
        many && isIdentity({ key }) && isTerminal(item?.attributes[ROOT_STATUS] as RunStatus) ? previous : item,
    },
  },
  "cycle-unrefused": {
    removes: "the edge that closes a cycle is refused",
    faults: { rewrite: (op) => (endsCycle(op) ? undefined : op) },
  },
  "cycle-not-through-groups": {
    removes: "a wait below an identity is a wait of the identity",
    faults: {
      ...NO_SWEEPER,
      rewrite: (op) => (op.op === "put" && op.key.partition.startsWith("DN#") ? undefined : op),
    },
  },
  "outcome-unread": {
    removes: "an end that is equal wakes nobody: here what was consumed is never known",
    faults: {
      rewrite: (op) =>
        op.op === "put" && op.key.partition.startsWith("DE#") ? { ...op, attributes: otherwise(op.attributes) } : op,
    },
  },
  "change-unnoticed": {
    removes: "a dependent runs again when what it consumed has changed",
    faults: { rewrite: (op) => (renews(op) ? undefined : op) },
  },
  "edges-not-named": {
    removes: "the commit of an attempt names what it has depended on",
    faults: {
      rewrite: (op) => {
        if (!isUpdate(op) || !isIdentity(op) || op.change.set?.["r_edges"] === undefined) return op;
        const { r_edges: _edges, ...set } = op.change.set;
        return { ...op, change: { ...op.change, set } };
      },
    },
  },
};
