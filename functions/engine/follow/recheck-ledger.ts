import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { doneOf, readCurrent, readLedger } from "../items/ledger-reads.ts";
import { propagate } from "./follow-marks.ts";
import { follow } from "./follow.ts";
import { WorkList } from "./work-list.ts";

/** Returns the ledger nodes on the path from a leaf to the root. */
export function pathUp(header: Header, leaf: number, width: number): { level: number; node: number }[] {
  return Array.from({ length: header.height }, (_, k) => ({ level: k + 1, node: Math.floor(leaf / width ** k) }));
}
/**
 * Reads nodes, marks the full ones upward, and decides when the root is full. This repairs a mark whose writer died
 * before it read the header.
 */
export async function recheckNodes(
  context: Context,
  header: Header,
  at: readonly { level: number; node: number }[],
): Promise<void> {
  const list = new WorkList();
  await all(
    at.map(async ({ level, node }) => {
      const where = { gid: header.gid, round: header.round, level, node };
      propagate(context, header, { ...where, height: header.height }, await readLedger(context, where), list);
    }),
  );
  await follow(context, [...list.take("mark"), ...list.take("decide")]);
}

/**
 * Returns the members that are marked, by their index in the leaf, for groups whose members may end without a row. When
 * one of `refs` is marked, the follow-up of the marks is repeated.
 */
export async function followMarked(
  context: Context,
  header: Header,
  refs: readonly RunRef[],
): Promise<ReadonlySet<number>> {
  const { width } = context.config;
  if (header.tracking !== "ledger" || (refs[0]?.stepIndex ?? 1) > 0) return NONE_MARKED;
  const leaf = leafOf(refs[0]?.index ?? 0, width);
  const done = doneOf(await readCurrent(context, header, { level: 1, node: leaf }));
  if (refs.some(({ index }) => done.has(localIndex(index, width))))
    await recheckNodes(context, header, pathUp(header, leaf, width));
  return done;
}
const NONE_MARKED: ReadonlySet<number> = new Set();
