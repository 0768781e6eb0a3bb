import { InvalidArgumentError } from "commander";
import { readStamp, type Stamp, type StampFilter, stampFilter } from "../functions/core/plan/stamps.ts";

export type { Stamp };
/** `team=blue`; the value is JSON where it is JSON, else text. */
export function stampOf(text: string): Stamp {
  const stamp = readStamp(text, "=");
  if (stamp === undefined) throw new InvalidArgumentError("Write it as name=value.");
  return stamp;
}
export function moreStamps(text: string, before: readonly Stamp[] = []): readonly Stamp[] {
  return [...before, stampOf(text)];
}
/** As a part of a filter: nothing when no stamp is named. */
export function filterOf(stamps: readonly Stamp[] | undefined): { readonly stamps?: StampFilter } {
  return stamps === undefined ? {} : { stamps: stampFilter(stamps) };
}
