import { jobIdOf } from "../../functions/core/plan/run-id.ts";

/**
 * Values of rowless members of one leaf, as the leaf's node names them. `blob` is undefined when no member has a value.
 */
export interface Part {
  readonly locals: readonly number[];
  readonly blob: string | undefined;
}
/** Parses a part's entry in a ledger node, for example `0.<name>:0-1,5`. The name begins with the part's round. */
export function partOf(entry: string, gid: string, leaf: number): Part {
  const [name = "", ranges = ""] = entry.split(":");
  const locals = ranges.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, k) => from + k);
  });
  const [round, hash] = name.split(".");
  return { locals, blob: name === "-" ? undefined : `${partPrefix(gid, Number(round), leaf)}/${hash}` };
}

/** Returns the prefix under which the values of a leaf's parts are stored. */
export const partPrefix = (gid: string, round: number, leaf: number): string =>
  `${jobIdOf(gid)}/part/${gid}/${round}/${leaf}`;
