import type { Counts } from "../../core/plan/counts.ts";
import type { Context } from "../context.ts";
import { asLedger, type Header, ledgerKey } from "../item-kinds.ts";
import type { LedgerNode } from "../../core/plan/ledger.ts";
import type { Item } from "../ports.ts";

/** Where a node stands in the ledger of a group. Level 1 holds the leaves. */
export interface LedgerAt {
  readonly gid: string;
  readonly round: number;
  readonly level: number;
  readonly node: number;
}
const NOT_COUNTERS: ReadonlySet<string> = new Set(["done", "v", "jobId", "ttl"]);

/** Returns the counters of a ledger node, which are flat attributes beside its set of marks. */
export function countersOf(item: Item | undefined): Counts {
  const counts: Record<string, number> = {};
  for (const [name, value] of Object.entries(item?.attributes ?? {}))
    if (typeof value === "number" && !NOT_COUNTERS.has(name)) counts[name] = value;
  return counts;
}
/** Returns the indexes that are marked in a node. */
export function doneOf(item: Item | undefined): ReadonlySet<number> {
  return asLedger(item)?.done ?? new Set();
}
/** Reads one node consistently. */
export async function readLedger(context: Context, at: LedgerAt): Promise<Item | undefined> {
  return context.store.get(ledgerKey(at.gid, at.round, at.level, at.node), { consistent: true });
}
/**
 * Returns the rounds in which the nodes of a group's ledger were written, latest first. A group that was opened again
 * has nodes of that round only where members run again; elsewhere the nodes of an earlier round stay.
 */
function roundsOf({ since = 0, rounds }: Pick<Header, "since" | "rounds">): readonly number[] {
  return [...new Set([since, ...(rounds ?? [])])].filter((round) => round >= since).toSorted((a, b) => b - a);
}
/** Reads the node that stands for a place of the ledger now, which may be of an earlier round than the group. */
export async function readCurrent(context: Context, header: Header, at: LedgerNode): Promise<Item | undefined> {
  return (await readCurrents(context, header, [at]))[0];
}
/** Reads nodes like `readCurrent`, in the order given. */
export async function readCurrents(
  context: Context,
  header: Header,
  nodes: readonly LedgerNode[],
): Promise<readonly (Item | undefined)[]> {
  const rounds = roundsOf(header);
  const items = await readLedgers(
    context,
    nodes.flatMap((at) => rounds.map((round) => ({ gid: header.gid, round, ...at }))),
  );
  return nodes.map((_, k) =>
    items.slice(k * rounds.length, (k + 1) * rounds.length).find((item) => item !== undefined),
  );
}
/** Whether only nodes that the re-opening wrote may be marked. All other nodes of the group were full before. */
export function marksExistingOnly({ round, since = 0 }: Pick<Header, "round" | "since">): boolean {
  return round > since;
}
/** Reads nodes consistently, in the order given. An entry is undefined when the node does not exist yet. */
export async function readLedgers(
  context: Context,
  nodes: readonly LedgerAt[],
): Promise<readonly (Item | undefined)[]> {
  const items: (Item | undefined)[] = [];
  for (let from = 0; from < nodes.length; from += 100) {
    const keys = nodes.slice(from, from + 100).map(({ gid, round, level, node }) => ledgerKey(gid, round, level, node));
    items.push(...(await context.store.getMany(keys)));
  }
  return items;
}
