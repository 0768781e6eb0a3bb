import { assertNever, FanfoldError } from "../errors.ts";
import { attributesBytes, type IndexMove, indexMoves, keyBytes, MAX_ITEM_BYTES, writeUnits } from "./item-size.ts";
import type { Attribute, Attributes, Change, Condition, Item, WriteOp, WriteResult } from "./item.ts";
import { compareUtf8, utf8Bytes } from "./utf8.ts";

/**
 * What a write does to one item, by the rules of DynamoDB. Every in-process store evaluates its writes here, so the
 * stores cannot differ. The contract suite compares them with the real database.
 */
export interface Decision {
  readonly result: WriteResult;
  /** Attributes to store. Undefined when the item is removed; meaningless when the write is not applied. */
  readonly after: Attributes | undefined;
  /** Changes to the sparse indexes. */
  readonly moves: readonly IndexMove[] | undefined;
}

/**
 * Decides one write. `owned` says that no other code holds `before`, for instance because it was just decoded. Its sets
 * are then changed in place instead of copied, so `before` must not be used any more.
 */
export function decideWrite(op: WriteOp, before: Item | undefined, owned: boolean): Decision {
  const keySize = keyBytes(op.key.partition, op.key.sort);
  const bytesBefore = before === undefined ? 0 : keySize + attributesBytes(before.attributes);
  if (op.when !== undefined && !holds(op.when, before?.attributes)) {
    return {
      result: { applied: false, item: before, units: writeUnits(bytesBefore, 0, undefined) },
      after: before?.attributes,
      moves: undefined,
    };
  }
  const after = attributesAfter(op, before?.attributes, owned);
  const bytesAfter = after === undefined ? 0 : keySize + attributesBytes(after);
  if (bytesAfter > MAX_ITEM_BYTES)
    throw refused(
      `item ${op.key.partition} / ${op.key.sort} would have ${bytesAfter} bytes, more than ${MAX_ITEM_BYTES}`,
    );
  const moves = indexMoves(op.key.table, before?.attributes, after);
  const item = after === undefined ? undefined : { key: op.key, attributes: after };
  return { result: { applied: true, item, units: writeUnits(bytesBefore, bytesAfter, moves) }, after, moves };
}

function attributesAfter(op: WriteOp, before: Attributes | undefined, owned: boolean): Attributes | undefined {
  switch (op.op) {
    case "put":
      return withoutAbsent(op.attributes);
    case "update":
      return applyChange(before, op.change, owned);
    case "remove":
      return undefined;
    default:
      return assertNever(op);
  }
}

/** Returns whether the condition holds for an item. `attributes` is undefined when there is no item. */
export function holds(condition: Condition, attributes: Attributes | undefined): boolean {
  switch (condition.op) {
    case "absent":
      return !isPresent(condition.attribute, attributes);
    case "present":
      return isPresent(condition.attribute, attributes);
    case "eq":
      return attributes?.[condition.attribute] === condition.value;
    case "lt":
      return isLess(attributes?.[condition.attribute], condition.value);
    case "in":
      return condition.values.includes(attributes?.[condition.attribute] as string | number);
    case "contains":
      return contains(attributes?.[condition.attribute], condition.value);
    case "not":
      return !holds(condition.of, attributes);
    case "and":
      return condition.of.every((each) => holds(each, attributes));
    case "or":
      return condition.of.some((each) => holds(each, attributes));
    default:
      return assertNever(condition);
  }
}

function isPresent(name: string | undefined, attributes: Attributes | undefined): boolean {
  return name === undefined ? attributes !== undefined : attributes?.[name] !== undefined;
}
/** Returns whether a value is below the bound. Values of different types are not comparable, so the result is false. */
function isLess(value: Attribute | undefined, bound: string | number): boolean {
  if (typeof value === "number" && typeof bound === "number") return value < bound;
  return typeof value === "string" && typeof bound === "string" && compareUtf8(value, bound) < 0;
}
/**
 * Returns whether a set has a member, or a string has a substring. Other JSON is never searched, because a store may
 * keep it in a form of its own.
 */
function contains(value: Attribute | undefined, wanted: string | number): boolean {
  if (value instanceof Set) return (value as ReadonlySet<string | number>).has(wanted);
  return typeof value === "string" && typeof wanted === "string" && value.includes(wanted);
}

type Draft = { [name: string]: Attribute | undefined };
type Members = ReadonlySet<string | number>;

/** Returns the changed attributes. `before` stays as it is, except that `owned` sets are changed in place. */
export function applyChange(before: Attributes | undefined, change: Change, owned = false): Attributes {
  refuseOverlap(change);
  const draft: Draft = { ...before };
  let removed = false;
  for (const name in change.set) {
    const value = change.set[name];
    if (value !== undefined) draft[name] = checked(name, value);
  }
  for (const name in change.setOnce) {
    const value = change.setOnce[name];
    if (value !== undefined && draft[name] === undefined) draft[name] = checked(name, value);
  }
  for (const name in change.add) draft[name] = added(name, draft[name], change.add[name] as number | Members, owned);
  for (const name in change.take) {
    const rest = taken(name, draft[name], change.take[name] as Members, owned);
    draft[name] = rest;
    removed ||= rest === undefined;
  }
  for (const name of change.remove ?? []) {
    draft[name] = undefined;
    removed = true;
  }
  return removed ? withoutAbsent(draft) : draft;
}

function added(
  name: string,
  value: Attribute | undefined,
  operand: number | Members,
  owned: boolean,
): Attribute | undefined {
  if (typeof operand === "number") {
    if (value !== undefined && typeof value !== "number")
      throw refused(`cannot add a number to attribute ${name}, which is none`);
    return (value ?? 0) + operand;
  }
  if (value !== undefined && !(value instanceof Set))
    throw refused(`cannot unite attribute ${name} with a set: it is none`);
  if (operand.size === 0) return value;
  const current = value as Members | undefined;
  if (current !== undefined && typeOfMembers(current) !== typeOfMembers(operand))
    throw refused(`attribute ${name} is a set of another type`);
  const united = owned && current !== undefined ? (current as Set<string | number>) : new Set<string | number>(current);
  for (const member of operand) united.add(member);
  return united as ReadonlySet<string>;
}
function taken(name: string, value: Attribute | undefined, operand: Members, owned: boolean): Attribute | undefined {
  if (value === undefined) return undefined;
  if (!(value instanceof Set)) throw refused(`cannot take members from attribute ${name}: it is no set`);
  const current = value as Members;
  const rest = owned ? (current as Set<string | number>) : new Set<string | number>(current);
  for (const member of operand) rest.delete(member);
  return rest.size === 0 ? undefined : (rest as ReadonlySet<string>);
}
function typeOfMembers(set: Members): string {
  for (const member of set) return typeof member;
  return "none";
}

/**
 * Refuses a change of one attribute by two clauses. They would have no defined order, so DynamoDB refuses them; a store
 * that accepted them would hide the bug.
 */
function refuseOverlap(change: Change): void {
  const clauses = [change.set, change.setOnce, change.add, change.take].filter((clause) => clause !== undefined);
  if (clauses.length === 0 || (clauses.length === 1 && change.remove === undefined)) return;
  for (const [index, clause] of clauses.entries()) {
    for (const name in clause) {
      if (clause[name] === undefined) continue;
      const again =
        clauses.some((other, position) => position > index && other[name] !== undefined) ||
        change.remove?.includes(name);
      if (again === true) throw refused(`attribute ${name} is changed twice in one update`);
    }
  }
}

function checked(name: string, value: Attribute): Attribute {
  if (value instanceof Set && value.size === 0) throw refused(`attribute ${name} is an empty set: leave it out`);
  if (typeof value === "number" && !Number.isFinite(value)) throw refused(`attribute ${name} is not a finite number`);
  return value;
}
function withoutAbsent(attributes: Attributes): Attributes {
  const kept: Draft = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) kept[name] = checked(name, value);
  }
  return kept;
}

const MAX_PARTITION_BYTES = 1_024;
const MAX_SORT_BYTES = 512;
/**
 * Throws `internal` for a key that no store could keep. Keys come from the engine, so such a key is a bug and is
 * reported at once.
 */
export function checkKey(partition: string, sort: string): void {
  checkKeyPart("partition", partition, MAX_PARTITION_BYTES);
  checkKeyPart("sort", sort, MAX_SORT_BYTES);
}
function checkKeyPart(part: string, text: string, limit: number): void {
  // A UTF-16 unit takes at most three bytes, so most keys need no counting.
  if (text.length === 0 || (text.length * 3 > limit && utf8Bytes(text) > limit))
    throw refused(`${part} key must have 1 to ${limit} bytes: ${text}`);
  if (text.includes("\0")) throw refused(`${part} key contains a zero character: ${JSON.stringify(text)}`);
}
function refused(message: string): FanfoldError {
  return new FanfoldError("internal", message);
}
