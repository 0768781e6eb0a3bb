import { jsonOrText } from "../json-text.ts";
import { canonicalJson, type Json, type JsonObject } from "../json.ts";
import { isGroupStep, isInput, isPaged, type PlanStep, type Strand } from "./plan.ts";

/** Wanted stamps: values by name. A run matches when it carries one of the values of one of the names. */
export type StampFilter = { readonly [name: string]: readonly Json[] };
export interface Stamp {
  readonly name: string;
  readonly value: Json;
}

/** Returns `<name>=<canonical JSON>`, the form in which stamps are compared. */
export const stampText = ({ name, value }: Stamp): string => `${name}=${canonicalJson(value)}`;
/** Returns the text form of each stamp of a filter. */
export function filterTexts(filter: StampFilter): string[] {
  return Object.entries(filter).flatMap(([name, values]) => values.map((value) => stampText({ name, value })));
}
/**
 * Returns whether one of the stamps is wanted. A stamp that is a list, as stamping with `append` makes it, has each of
 * its values.
 */
export function carriesStamp(stamps: JsonObject | undefined, wanted: ReadonlySet<string>): boolean {
  return Object.entries(stamps ?? {}).some(
    ([name, value]) =>
      wanted.has(stampText({ name, value })) ||
      valuesOf(value).some((each) => wanted.has(stampText({ name, value: each }))),
  );
}
const valuesOf = (value: Json): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : [value]);

/**
 * Reads a stamp such as `team:blue`. The value is JSON where it is JSON, else text. Returns undefined without a name or
 * separator.
 */
export function readStamp(text: string, separator: ":" | "="): Stamp | undefined {
  const at = text.indexOf(separator);
  if (at < 1) return undefined;
  const name = text.slice(0, at);
  return { name, value: jsonOrText(text.slice(at + 1), `the stamp ${name}`) };
}
/** Returns one filter for several stamps. */
export function stampFilter(stamps: readonly Stamp[]): StampFilter {
  const filter: Record<string, Json[]> = Object.create(null) as Record<string, Json[]>;
  for (const { name, value } of stamps) (filter[name] ??= []).push(value);
  return filter;
}

/**
 * Returns the first `most` distinct stamps of a strand in the order of its steps, callbacks included. A list counts
 * each of its values. Members in pages are not read.
 */
export function stampsOfStrand(strand: Strand, most: number): string[] {
  const found = new Set<string>();
  collect(strand, most, found);
  return [...found];
}
function collect(strand: Strand, most: number, found: Set<string>): void {
  for (const step of strand) {
    if (!isGroupStep(step) && step.options?.stamps) {
      for (const [name, value] of Object.entries(step.options.stamps))
        for (const each of valuesOf(value)) if (found.size < most) found.add(stampText({ name, value: each }));
    }
    if (!isGroupStep(step) && !step.links && !step.errors) continue;
    for (const group of groupsOf(step)) {
      if (found.size >= most || isPaged(group.members) || isInput(group.members)) continue;
      for (const member of group.members) collect(member, most, found);
    }
    if (found.size >= most) return;
  }
}
/** Returns the group of a step, and the groups of its callbacks. */
function groupsOf(step: PlanStep) {
  return [isGroupStep(step) ? step : undefined, step.links, step.errors].filter((group) => group !== undefined);
}
