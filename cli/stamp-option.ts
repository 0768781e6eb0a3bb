import { InvalidArgumentError } from "commander";
import { readStamp, type Stamp, type StampFilter, stampFilter } from "../functions/core/plan/stamps.ts";

export type { Stamp };
/** Reads a stamp like `team=blue`. Its value is JSON if it is valid JSON, else text. */
export function stampOf(text: string): Stamp {
  const stamp = readStamp(text, "=");
  if (stamp === undefined) throw new InvalidArgumentError("Write it as name=value.");
  return stamp;
}
export function moreStamps(text: string, before: readonly Stamp[] = []): readonly Stamp[] {
  return [...before, stampOf(text)];
}
/** Returns the stamps as part of a filter, which is empty when no stamp is named. */
export function filterOf(stamps: readonly Stamp[] | undefined): { readonly stamps?: StampFilter } {
  return stamps === undefined ? {} : { stamps: stampFilter(stamps) };
}
