import { canonicalJson, type Json, type JsonObject } from "../json.ts";
import { isGroupStep, isInput, isPaged, type PlanStep, type Strand } from "./plan.ts";

/** Stamps wanted: values by name. What carries one of the values of one of the names is meant. */
export type StampFilter = { readonly [name: string]: readonly Json[] };
export interface Stamp {
  readonly name: string;
  readonly value: Json;
}

/** `<name>=<canonical JSON>`: how a stamp is written where stamps are compared. */
export const stampText = ({ name, value }: Stamp): string => `${name}=${canonicalJson(value)}`;
export function filterTexts(filter: StampFilter): string[] {
  return Object.entries(filter).flatMap(([name, values]) => values.map((value) => stampText({ name, value })));
}
/** A stamp that is a list, as stamping with `append` makes it, has each of its values. */
export function carriesStamp(stamps: JsonObject | undefined, wanted: ReadonlySet<string>): boolean {
  return Object.entries(stamps ?? {}).some(
    ([name, value]) => wanted.has(stampText({ name, value })) || valuesOf(value).some((each) => wanted.has(stampText({ name, value: each }))),
  );
}
const valuesOf = (value: Json): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : [value]);

/** Of `team:blue`, with the separator `:`. The value is JSON where it is JSON, else text. undefined: there is no name, or no separator. */
export function readStamp(text: string, separator: ":" | "="): Stamp | undefined {
  const at = text.indexOf(separator);
  if (at < 1) return undefined;
  const value = text.slice(at + 1);
  try {
    return { name: text.slice(0, at), value: JSON.parse(value) as Json };
  } catch {
    return { name: text.slice(0, at), value };
  }
}
/** Several stamps as one filter. */
export function stampFilter(stamps: readonly Stamp[]): StampFilter {
  const filter: Record<string, Json[]> = Object.create(null) as Record<string, Json[]>;
  for (const { name, value } of stamps) (filter[name] ??= []).push(value);
  return filter;
}

/** The first `most` different stamps of a canvas, callbacks included, in the order of its steps; of a list each value. Members in pages are not looked into. */
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
/** The group that a step is, and the callbacks beside it. */
function groupsOf(step: PlanStep) {
  return [isGroupStep(step) ? step : undefined, step.links, step.errors].filter((group) => group !== undefined);
}
