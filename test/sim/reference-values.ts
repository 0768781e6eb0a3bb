import type { FailurePolicy } from "../../functions/core/canvas/canvas.ts";
import type { Json } from "../../functions/core/json.ts";
import { addCounts, carriedUp, type Counts } from "../../functions/core/plan/counts.ts";
import { failsEarly, outcomeOf } from "../../functions/core/plan/policy.ts";
import type { ItemCounts } from "../../functions/core/task/item-counts.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import { isFailure, type TerminalStatus } from "../../functions/core/plan/run-state.ts";

/** What the store says of a run. */
export interface Stored {
  value(run: Run): Json;
  reported(run: Run): ItemCounts;
}
/** The result that a finished run passes to the next step: a plain value, or the results of a group. */
export type Value =
  | { readonly kind: "json"; readonly json: Json }
  /** `all` adds what the members have added to their group. */
  | { readonly kind: "group"; readonly entries: readonly Ended[]; readonly all: readonly Ended[] }
  /** An error, or a value made from one. It depends on chance. */
  | { readonly kind: "unknown" };
export const NOTHING: Value = { kind: "json", json: null };
/**
 * The way a run, a strand or a group must have ended. `cut` means that a group above it decided first, so any end is
 * right. `counts` is undefined when a group inside decided before all its members had ended.
 */
export interface Ended {
  readonly status: TerminalStatus | "cut";
  readonly value?: Value;
  readonly counts: Counts | undefined;
  /** Members that its steps have added to the group around it. */
  readonly extras?: readonly Ended[];
}
export type GroupEnd = {
  readonly outcome: "complete" | "failed" | "cut";
  readonly entries: readonly Ended[];
  readonly all: readonly Ended[];
  readonly failed: number;
  readonly counts: Counts | undefined;
};

/**
 * Returns whether a value is known. A value that was made from an error is unknown, and so is a list that holds one.
 */
export function isKnown(value: Value): boolean {
  if (value.kind === "group") return value.all.every((entry) => isFailed(entry) || isKnown(entry.value ?? NOTHING));
  return value.kind === "json";
}
export function withExtras(entries: readonly Ended[]): readonly Ended[] {
  return [...entries, ...entries.flatMap(({ extras = [] }) => extras)];
}
export function groupEnd(policy: FailurePolicy, entries: readonly Ended[], all = withExtras(entries)): GroupEnd {
  const failed = entries.filter((entry) => entry.status !== "cut" && isFailure(entry.status)).length;
  if (failsEarly(policy, failed)) return { outcome: "failed", entries, all, failed, counts: undefined };
  if (entries.some((entry) => entry.status === "cut"))
    return { outcome: "cut", entries, all, failed, counts: undefined };
  const exact = entries.every((entry) => entry.counts !== undefined);
  return {
    outcome: outcomeOf(policy, failed),
    entries,
    all,
    failed,
    counts: exact ? carriedUp(addCounts(...entries.map((entry) => entry.counts))) : undefined,
  };
}

/**
 * Returns a value as a body receives it. A nested group becomes a nested array. A failed member becomes an object whose
 * details differ from run to run.
 */
export function jsonOf(value: Value): Json {
  if (value.kind === "unknown") return null;
  return value.kind === "json"
    ? value.json
    : value.all.map((entry) => (isFailed(entry) ? { $error: true } : jsonOf(entry.value ?? NOTHING)));
}
export function handleOf(entries: readonly Ended[]): Json {
  const failed = entries.filter(isFailed).length;
  return { total: entries.length, success: entries.length - failed, failed };
}
export function isFailed(entry: Ended): boolean {
  return entry.status === "cut" || isFailure(entry.status);
}
export function shorten(json: Json): string {
  const text = JSON.stringify(json);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
/** Returns the input of a step as its condition sees it. Undefined when it is not known. */
export function inputOf(input: Value | undefined): Json | undefined {
  if (input === undefined) return null;
  if (input.kind === "json") return input.json;
  return input.kind === "group" ? handleOf(input.entries) : undefined;
}
