import { addCounts, type Counts } from "../../core/plan/counts.ts";
import { expectedMarks } from "../../core/plan/ledger.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { countersOf, doneOf, readCurrents } from "./ledger-reads.ts";

/** Nodes that one count reads, so that a group of a million costs as much as one of a quarter of that. */
const NODES_READ = 1_000;
/** Leaves of an open group that are read at once. */
const LEAVES_AT_ONCE = 16;

export interface LedgerCount {
  /** Members whose ends are marked. */
  readonly marked: number;
  readonly counts: Counts;
  /** Unset when there were more nodes than are read, so that more members may have ended. */
  readonly exact: boolean;
}

/**
 * Counts the marks of a ledger, from the root down. A full node is marked in its parent with its counters, so only nodes
 * that are not full are read. Members are sent in order, so the first ones of these are where the marks are.
 */
export async function countLedger(context: Context, header: Header): Promise<LedgerCount> {
  if (header.memberCount === undefined) return countOpen(context, header);
  const { memberCount, height } = header;
  const { width } = context.config;
  let marked = 0;
  let counts: Counts = {};
  let left = NODES_READ;
  let exact = true;
  let nodes = [0];
  for (let level = height; level > 0 && nodes.length > 0; level--) {
    if (nodes.length > left) {
      exact = false;
      nodes = nodes.slice(0, left);
    }
    left -= nodes.length;
    const items = await readCurrents(
      context,
      header,
      nodes.map((node) => ({ level, node })),
    );
    const below = width ** (level - 1);
    const notFull: number[] = [];
    items.forEach((item, k) => {
      const node = nodes[k] as number;
      const expected = expectedMarks(memberCount, height, { level, node }, width) ?? 0;
      const done = doneOf(item);
      counts = addCounts(counts, countersOf(item));
      for (let local = 0; local < expected; local++) {
        const child = node * width + local;
        if (done.has(local)) marked += Math.min(below, memberCount - child * below);
        else if (level > 1) notFull.push(child);
      }
    });
    nodes = notFull;
  }
  return { marked, counts, exact };
}

/** Counts an open group, whose pages come in order. It has no right edge yet, so the leaves say how far it has come. */
async function countOpen(context: Context, header: Header): Promise<LedgerCount> {
  let marked = 0;
  let counts: Counts = {};
  for (let from = 0; from < context.config.width; from += LEAVES_AT_ONCE) {
    const leaves = Array.from({ length: LEAVES_AT_ONCE }, (_, k) => ({ level: 1, node: from + k }));
    const items = await readCurrents(context, header, leaves);
    for (const item of items) marked += doneOf(item).size;
    counts = addCounts(counts, ...items.map(countersOf));
    if (items.at(-1) === undefined) break;
  }
  return { marked, counts, exact: true };
}
