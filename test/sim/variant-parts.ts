import type { Json } from "../../functions/core/json.ts";
import type { Attributes, Condition, Item, WriteOp, WriteResult } from "../../functions/engine/ports.ts";
import type { Members } from "./variants.ts";

export const isLedger = (op: WriteOp): boolean => op.key.table === "callbacks" && op.key.partition.startsWith("L#");
export const isHeader = (op: WriteOp): boolean => op.key.table === "callbacks" && op.key.partition.startsWith("G#");
export const isRow = (op: WriteOp): boolean => op.key.table === "tasks" && op.key.partition.startsWith("G#");
export const statusSetBy = (op: WriteOp): unknown => (op.op === "update" ? op.change.set?.["status"] : undefined);

export function attributesNamed(condition: Condition): string[] {
  if (condition.op === "and" || condition.op === "or") return condition.of.flatMap(attributesNamed);
  if (condition.op === "not") return attributesNamed(condition.of);
  return condition.attribute === undefined ? [] : [condition.attribute];
}
/** Returns the condition without the parts of its `and` that `drop` picks. */
export function without(condition: Condition | undefined, drop: (part: Condition) => boolean): Condition | undefined {
  if (!condition || drop(condition)) return undefined;
  if (condition.op !== "and") return condition;
  const of = condition.of.map((part) => without(part, drop)).filter((part) => part !== undefined);
  return of.length === 0 ? undefined : { op: "and", of };
}
export function withWhen<T extends WriteOp>(op: T, when: Condition | undefined): T {
  const { when: _old, ...rest } = op;
  return (when ? { ...rest, when } : rest) as T;
}
export function withAttributes(
  item: Item | undefined,
  change: (attributes: Attributes) => Attributes,
): Item | undefined {
  return item && { key: item.key, attributes: change(item.attributes) };
}
export const namesPart = (op: WriteOp): boolean =>
  isLedger(op) && op.op === "update" && op.change.add?.["parts"] !== undefined;
export const isClaim = (op: WriteOp): boolean =>
  isRow(op) && (op.op === "put" ? op.attributes["status"] : statusSetBy(op)) === "started";
export const isCommit = (op: WriteOp): boolean =>
  isRow(op) &&
  (op.op === "put" ? op.attributes : op.op === "update" ? (op.change.set ?? {}) : {})["writer"] !== undefined;

export function asIfApplied(op: WriteOp, { item, units }: WriteResult): WriteResult {
  const set = op.op === "put" ? op.attributes : op.op === "update" ? op.change.set : {};
  return { applied: true, item: { key: op.key, attributes: { ...item?.attributes, ...set } }, units };
}
export const isFence = (op: WriteOp): boolean =>
  isRow(op) && op.when !== undefined && attributesNamed(op.when).includes("leaseOwner");
export const isWake = (op: WriteOp): boolean =>
  isRow(op) && op.when !== undefined && attributesNamed(op.when).includes("unmet");
export function withoutSet(op: WriteOp, names: readonly string[]): WriteOp {
  if (op.op !== "update") return op;
  const set = Object.fromEntries(Object.entries(op.change.set ?? {}).filter(([name]) => !names.includes(name)));
  return { ...op, change: { ...op.change, set } };
}
export const drops = (op: WriteOp): boolean => op.op === "update" && op.change.set?.["outcome"] === "dropped";
export const unguarded = (op: WriteOp): WriteOp => (isLedger(op) ? withWhen(op, undefined) : op);

export function isPartOf(body: Json, whole: Json): boolean {
  const [part, all] = [body as unknown as Members, whole as unknown as Members];
  if (!part.members || !all.members || part.gid !== all.gid || part.step !== all.step) return false;
  return part.members.length < all.members.length && part.members.every((index) => all.members?.includes(index));
}
/**
 * Returns the ledger as a mere counter would show it. The count of members is right, but not which members these are.
 */
export function counted(item: Item | undefined): Item | undefined {
  return withAttributes(item, (attributes) => {
    const { n: count, ...rest } = attributes;
    return typeof count === "number"
      ? { ...rest, done: new Set(Array.from({ length: count }, (_, index) => index)) }
      : attributes;
  });
}
