import type { Json } from "../../core/json.ts";
import type { Counts } from "../../core/plan/counts.ts";
import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { asLedger, type Header, ownedBy, type Run } from "../item-kinds.ts";
import type { Item } from "../ports.ts";
import { doneOf, readCurrent } from "./ledger-reads.ts";

/** The end of a member that succeeded at its first attempt, and of which no row is kept. */
export interface RowlessEnd {
  readonly index: number;
  readonly counts: Counts;
  readonly value: Json | undefined;
}

/**
 * Stores the values of members of one leaf and returns the name of the part. Stores nothing when no member has a value.
 */
export async function keepPart(context: Context, header: Header, members: readonly RowlessEnd[]): Promise<string> {
  const values = members
    .filter(({ value }) => value !== undefined && value !== null)
    .map(({ index, value }) => [localIndex(index, context.config.width), value]);
  if (values.length === 0) return NO_VALUES;
  const part = `${header.round}.${context.ids.hash(context.ids.token()).slice(0, PART_CHARACTERS)}`;
  await context.blobs.put(
    partName(context, header, (members[0] as RowlessEnd).index, part),
    encoder.encode(JSON.stringify(values)),
  );
  return part;
}
/** Enough to tell the few parts of one leaf apart, and short enough that a node of 256 marks stays below 1 KB. */
const PART_CHARACTERS = 10;
const NO_VALUES = "-";
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/**
 * Returns the name of a part's blob. `part` begins with the round in which it was written, because the ledgers of later
 * rounds name it too. Parts of earlier releases have no round, which was always 0.
 */
function partName(context: Context, { jobId, gid }: Header, index: number, part: string): string {
  const [round, name] = part.includes(".") ? part.split(".") : ["0", part];
  return `${jobId}/part/${gid}/${round}/${leafOf(index, context.config.width)}/${name}`;
}
/**
 * Returns the entry of a part in a ledger node: its name and the members whose values it holds, as `0.<part>:0-31,40`.
 */
export function partEntry(part: string, locals: readonly number[]): string {
  const ranges: string[] = [];
  const sorted = locals.toSorted((a, b) => a - b);
  for (let from = 0; from < sorted.length;) {
    let to = from;
    while (sorted[to + 1] === (sorted[to] as number) + 1) to++;
    ranges.push(from === to ? `${sorted[from]}` : `${sorted[from]}-${sorted[to]}`);
    from = to + 1;
  }
  return `${part}:${ranges.join(",")}`;
}
/** Returns the members of a leaf that ended without a row. A row beside such an end does not count. */
export function rowlessMembers(node: Item | undefined): ReadonlySet<number> {
  return new Set([...(asLedger(node)?.parts ?? [])].flatMap((entry) => localsOf(entry.split(":")[1] ?? "")));
}
function localsOf(ranges: string): number[] {
  return ranges.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, k) => from + k);
  });
}

/**
 * Returns the marked members of a leaf by index. The run is undefined for a member whose end is in a row. Returns
 * undefined when all members of the group have rows. Costs one read, and one for each part.
 */
export async function readMarked(
  context: Context,
  header: Header,
  leaf: number,
): Promise<ReadonlyMap<number, Run | undefined> | undefined> {
  if (header.tracking !== "ledger" || header.pages) return undefined;
  const runs = new Map<number, Run | undefined>();
  const { gid, round } = header;
  const { v, jobId, ttl } = ownedBy(header);
  const node = await readCurrent(context, header, { level: 1, node: leaf });
  const first = leaf * context.config.width;
  for (const local of doneOf(node)) runs.set(first + local, undefined);
  const parts = [...(asLedger(node)?.parts ?? [])];
  await eachBounded(parts, 8, async (entry) => {
    const [part = "", ranges = ""] = entry.split(":");
    const values =
      part === NO_VALUES ? new Map<number, Json>() : await readPart(context, partName(context, header, first, part));
    for (const local of localsOf(ranges)) {
      const index = first + local;
      runs.set(index, {
        gid,
        index,
        stepIndex: 0,
        runId: runIdOf(gid, index, 0),
        v,
        jobId,
        ttl,
        status: "success",
        round,
        attempt: 1,
        value: values.get(local),
      });
    }
  });
  return runs;
}
/**
 * Returns the run of a member that succeeded without a row. Returns undefined when the member has not ended in that
 * way.
 */
export async function readRowless(
  context: Context,
  header: Header,
  { index, stepIndex }: RunRef,
): Promise<Run | undefined> {
  return stepIndex > 0
    ? undefined
    : (await readMarked(context, header, leafOf(index, context.config.width)))?.get(index);
}
async function readPart(context: Context, name: string): Promise<Map<number, Json>> {
  const content = await context.blobs.get(name);
  return new Map(content ? (JSON.parse(decoder.decode(content)) as [number, Json][]) : []);
}
