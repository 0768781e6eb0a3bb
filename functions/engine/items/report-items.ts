import type { Json } from "../../core/json.ts";
import { type ItemCounts, NO_ITEMS, withItems } from "../../core/task/item-counts.ts";
import type { ItemReport } from "../../core/task/invocation.ts";
import {
  NONE_REPORTED,
  rangesOf,
  rangesText,
  type ReportedPositions,
  withPositions,
} from "../../core/task/reported-positions.ts";
import { ITEM_VERSION, type Owned, reportStreamKey, type Run, streamListPartition, taskKey } from "../item-kinds.ts";
import type { Attributes, Item, Ports } from "../ports.ts";
import { absent, and, eq, lt, or } from "./conditions.ts";
import { keepText, loadText } from "./values.ts";

/**
 * The stream of reports of a run (docs/protocol-rules.md, section 10): one item, and a blob for each page. Each attempt
 * takes the stream over before it writes. The write of a page has the condition that no later attempt has, and that the
 * page before is the last one. So pages of two attempts neither mix nor leave gaps.
 *
 *     open     attempt = a                                         IF absent or attempt <= a
 *     page n   blob, THEN sequence = n, cursor, ahead, totals      IF attempt = a and sequence = n - 1
 */
interface StreamAttributes extends Owned {
  readonly attempt: number;
  /** Number of pages. */
  readonly sequence: number;
  readonly cursor: number;
  /** Ranges of positions behind the cursor, as text. */
  readonly ahead: string;
  readonly totals: ItemCounts;
  /** Which attempt has written which pages: `<attempt>:<its first page>`, comma-separated. */
  readonly writers: string;
}
/** A stream as it is stored. */
export interface StoredStream {
  readonly attempt: number;
  readonly sequence: number;
  readonly reported: ReportedPositions;
  readonly totals: ItemCounts;
  readonly writers: readonly PageWriter[];
}
interface PageWriter {
  readonly attempt: number;
  readonly from: number;
}
type StreamingRun = Pick<Run, "runId" | "jobId" | "ttl" | "since">;

function asStream(item: Item | undefined): StoredStream | undefined {
  if (!item) return undefined;
  const { attempt, sequence, cursor, ahead, totals, writers } = item.attributes as unknown as StreamAttributes;
  const parts = writers === "" ? [] : writers.split(",");
  return {
    attempt,
    sequence,
    reported: { cursor, ahead: rangesOf(ahead) },
    totals,
    writers: parts.map((part) => {
      const [by, from] = part.split(":").map(Number);
      return { attempt: by as number, from: from as number };
    }),
  };
}
const keyOf = ({ runId, since = 0 }: Pick<Run, "runId" | "since">) => reportStreamKey(runId, since);

/** Reads the stream of a run consistently. One read unit. */
export async function readStream(
  { store }: Pick<Ports, "store">,
  run: Pick<Run, "runId" | "since">,
): Promise<StoredStream | undefined> {
  return asStream(await store.get(keyOf(run), { consistent: true }));
}
/**
 * Makes an attempt the one that may write, and returns what is there. Attempts before it are refused from then on.
 * Returns undefined when a later attempt has the stream. One write unit.
 */
export async function openStream(
  { store }: Pick<Ports, "store">,
  run: StreamingRun,
  attempt: number,
): Promise<StoredStream | undefined> {
  const empty: StreamAttributes = {
    ...ownerOf(run),
    attempt,
    sequence: 0,
    cursor: NONE_REPORTED.cursor,
    ahead: "",
    totals: NO_ITEMS,
    writers: "",
  };
  const { attempt: _own, ...setOnce } = empty;
  const { item } = await store.write({
    op: "update",
    key: keyOf(run),
    change: { set: { attempt }, setOnce: setOnce as unknown as Attributes },
    when: or(absent(), lt("attempt", attempt + 1)),
  });
  const stream = asStream(item);
  return stream?.attempt === attempt ? stream : undefined;
}
/**
 * Stores the next page. Returns the stream with it, or undefined when a later attempt has the stream. May be repeated
 * with the same reports. One blob and one write unit; a second one for the first page of a run.
 */
export async function appendPage(
  { store, blobs, ids }: Pick<Ports, "store" | "blobs" | "ids">,
  run: StreamingRun,
  before: StoredStream,
  reports: readonly ItemReport[],
): Promise<StoredStream | undefined> {
  const { attempt } = before;
  const sequence = before.sequence + 1;
  const writers =
    before.writers.at(-1)?.attempt === attempt ? before.writers : [...before.writers, { attempt, from: sequence }];
  const reported = withPositions(
    before.reported,
    reports.map(({ position }) => position),
  );
  const totals = withItems(
    before.totals,
    reports.map(({ state }) => state),
  );
  if (sequence === 1) await listStream({ store, ids }, run);
  await keepText({ blobs }, pageName(run, attempt, sequence), JSON.stringify(reports));
  const set = {
    sequence,
    cursor: reported.cursor,
    ahead: rangesText(reported.ahead),
    totals: totals as unknown as Json,
    writers: writers.map((writer) => `${writer.attempt}:${writer.from}`).join(","),
  };
  const { applied, item } = await store.write({
    op: "update",
    key: keyOf(run),
    change: { set: set as Attributes },
    when: and(eq("attempt", attempt), eq("sequence", sequence - 1)),
  });
  const now = asStream(item);
  const isOwn = applied || (now?.attempt === attempt && now.sequence === sequence);
  return isOwn ? { attempt, sequence, reported, totals, writers } : undefined;
}
/** Notes that a run of a job streams. A run that began anew has another stream, and the latest one counts. */
async function listStream({ store, ids }: Pick<Ports, "store" | "ids">, run: StreamingRun): Promise<void> {
  const { runId, since = 0 } = run;
  await store.write({
    op: "put",
    key: taskKey(streamListPartition(run.jobId), placeOf(ids, runId)),
    attributes: { ...ownerOf(run), runId, since } as unknown as Attributes,
    when: or(absent(), lt("since", since)),
  });
}
/** Ids of runs may be longer than a sort key. */
const placeOf = (ids: Ports["ids"], runId: string): string => ids.hash(runId).slice(0, 40);
const ownerOf = ({ jobId, ttl }: StreamingRun): Owned => ({ v: ITEM_VERSION, jobId, ttl });
/** The name says which attempt wrote the page, so a writer that was late writes to a name that nobody reads. */
const pageName = ({ runId, jobId, since = 0 }: Pick<Run, "runId" | "jobId" | "since">, by: number, page: number) =>
  `${jobId}/reports/${runId}/${since}/${by}.${page}`;

/** Reads a page of a stream, from 1. */
export async function readPage(
  { blobs }: Pick<Ports, "blobs">,
  run: Pick<Run, "runId" | "jobId" | "since">,
  { writers }: StoredStream,
  page: number,
): Promise<readonly ItemReport[]> {
  const writer = writers.findLast(({ from }) => from <= page) as PageWriter;
  return JSON.parse(await loadText({ blobs }, pageName(run, writer.attempt, page))) as readonly ItemReport[];
}
/** A run of a job that has streamed reports. */
export interface ListedStream {
  readonly runId: string;
  readonly since: number;
}
/** Lists the runs of a job that have streamed reports, in a stable order, from the run `from` on. */
export async function listStreams(
  { store, ids }: Pick<Ports, "store" | "ids">,
  jobId: string,
  { from, limit }: { readonly from: string | undefined; readonly limit: number },
): Promise<readonly ListedStream[]> {
  const { items } = await store.query("tasks", streamListPartition(jobId), {
    limit,
    ...(from !== undefined && { from: placeOf(ids, from) }),
  });
  return items.map(({ attributes }) => attributes as unknown as ListedStream);
}
