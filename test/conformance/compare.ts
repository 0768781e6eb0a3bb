import { isDeepStrictEqual } from "node:util";
import type { Json } from "../../functions/core/json.ts";
import type { Expected } from "./cases.ts";

/** A failure as a case names it: the error that was thrown, or the code with which the engine refused the canvas. */
export interface Failure {
  readonly name: string;
  readonly reason?: string | undefined;
}
/** Observations of one case, made only as far as the case asks for them. */
export interface Observed {
  readonly result?: Json;
  readonly error?: Failure;
  readonly stored?: Failure;
  /** Set when no job was started. */
  readonly raises?: Failure;
  readonly log?: readonly Json[];
  readonly executed?: { readonly [task: string]: number };
  readonly parents?: readonly Json[];
  readonly children?: readonly Json[];
  readonly collect?: readonly Json[];
  readonly graph?: { readonly nodes: number; readonly edges: number };
  readonly group_api?: { readonly [name: string]: Json };
  readonly sig?: Json;
  readonly original?: Json;
  readonly hooks?: readonly string[];
  readonly elapsedSeconds?: number;
}

/** Names of errors for an invalid call or canvas. An engine may use its own names instead. */
const VALIDATION = new Set(["TypeError", "ValueError", "ImproperlyConfigured", "AttributeError"]);
const REFUSALS = new Set(["invalid_canvas", "invalid_request", "invalid_arguments", "unknown_task"]);

function isFailure(expected: string, seen: Failure | undefined): boolean {
  if (seen === undefined) return false;
  return (
    seen.name === expected ||
    (VALIDATION.has(expected) && (VALIDATION.has(seen.name) || REFUSALS.has(seen.reason ?? "")))
  );
}

/** Returns a description of each expectation that does not hold. Empty when the case passes. */
export function mismatches(expected: Expected, seen: Observed): readonly string[] {
  const problems: string[] = [];
  const differs = (what: string, wanted: unknown, got: unknown): void => {
    problems.push(`${what}: expected ${show(wanted)}, got ${show(got)}`);
  };
  const equal = (what: string, wanted: Json | undefined, got: unknown): void => {
    if (wanted !== undefined && !isSame(wanted, got)) differs(what, wanted, got);
  };
  if (expected.raises === undefined && expected.error === undefined && expected.returned_null !== true) {
    const unexpected = seen.raises ?? seen.error;
    if (unexpected !== undefined) problems.push(`failed with ${show(unexpected)}`);
  }
  equal("result", expected.result, seen.result);
  if (expected.error && !isFailure(expected.error.type, seen.error ?? seen.raises))
    differs("error", expected.error.type, seen.error ?? seen.raises);
  if (expected.error?.stored !== undefined && !isFailure(expected.error.stored, seen.stored))
    differs("stored error", expected.error.stored, seen.stored);
  if (expected.raises && !isFailure(expected.raises.type, seen.raises))
    differs("refused", expected.raises.type, seen.raises);
  if (expected.returned_null === true && seen.raises === undefined && seen.result !== null)
    differs("result", null, seen.result);
  equal("log", expected.log, seen.log);
  if (expected.log_unordered && !isSame(sorted(expected.log_unordered), sorted(seen.log ?? [])))
    differs("log", expected.log_unordered, seen.log);
  for (const line of expected.log_contains ?? [])
    if (!seen.log?.some((each) => isSame(line, each))) differs("log contains", line, seen.log);
  equal("last of the log", expected.log_last, seen.log?.at(-1));
  for (const [task, count] of Object.entries(expected.executed ?? {}))
    equal(`runs of ${task}`, count, seen.executed?.[task] ?? 0);
  for (const [name, value] of Object.entries(expected.group_api ?? {}))
    equal(`group ${name}`, value as Json, seen.group_api?.[name]);
  equal("parents", expected.parents, seen.parents);
  equal("children", expected.children, seen.children);
  equal("collect", expected.collect, seen.collect);
  equal("graph", expected.graph, seen.graph);
  equal("sig", expected.sig, seen.sig);
  equal("original", expected.original, seen.original);
  equal("hooks", expected.hooks, seen.hooks);
  if (expected.min_elapsed_s !== undefined && !((seen.elapsedSeconds ?? 0) >= expected.min_elapsed_s)) {
    differs("seconds", expected.min_elapsed_s, seen.elapsedSeconds);
  }
  return problems;
}

/** Compares values as JSON, so 1 equals 1.0 and the order of keys does not matter. */
function isSame(wanted: unknown, got: unknown): boolean {
  return got !== undefined && isDeepStrictEqual(plain(wanted), plain(got));
}
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
function sorted(lines: readonly Json[]): readonly string[] {
  return lines.map((line) => JSON.stringify(line)).sort();
}
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
