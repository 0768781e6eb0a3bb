import * as z from "zod";
import { defineTask, TaskError, type Json, type ResultEntry } from "../../sdk/index.ts";
import { NOTHING, type Chunk, type ChunkResult, type Totals } from "./chunk.ts";
import { cutChunks } from "./cut-chunks.ts";
import { digestChunk } from "./digest-chunk.ts";
import { foldResults, type ChunkEnd } from "./fold-results.ts";
import { decodePath, encodePath } from "./path-text.ts";
import { openSource } from "./source.ts";
import { refuseStateInside } from "./state-folder.ts";

/** Where a walk continues. Everything counted so far is either in stored chunks or in here. */
type Cursor = { readonly after: string; readonly totals: Totals } | { readonly done: true };

/** Checks the chunk of a digest only loosely. The walk made it, so a full check for each chunk would be wasted. */
const CHUNK = z.custom<Chunk>(
  (value) => typeof value === "object" && value !== null && Array.isArray((value as Partial<Chunk>).files),
);

/** Digests each file of a chunk (size and SHA-256). One file may take hours, so an attempt may run for long. */
export const inventoryDigest = defineTask({
  name: "inventory.digest",
  args: z.tuple([z.string(), CHUNK]),
  timeout: 86_400,
  retry: { maxAttempts: 5 },
  run: async (ctx, folder, chunk) => digestChunk(await openSource(folder), chunk, ctx.signal),
});

/**
 * Walks a folder, or the objects below a prefix, and yields digests of chunks while it continues. `mostFiles` limits a
 * chunk. For `state` see state-folder.ts.
 */
export const inventoryWalk = defineTask({
  name: "inventory.walk",
  args: z.tuple([z.string(), z.int().min(1), z.string().nullable()]),
  retry: { maxAttempts: 5 },
  run: async function* (ctx, folder, mostFiles, state) {
    const from = ctx.cursor as Cursor | undefined;
    if (from !== undefined && "done" in from) return;
    if (state !== null) await refuseStateInside(folder, state);
    const visits = (await openSource(folder)).walk(from && decodePath(from.after), ctx.signal);
    try {
      for await (const { chunk, after } of cutChunks(visits, from?.totals ?? NOTHING, mostFiles)) {
        const cursor: Cursor =
          after === undefined ? { done: true } : { after: encodePath(after), totals: chunk.totals };
        yield ctx.at(cursor as unknown as Json, inventoryDigest.s(folder, chunk));
      }
    } catch (error) {
      throw unreadable(folder, error);
    }
  },
});

/**
 * Returns the error that ends the inventory because the folder itself cannot be read. All other failures are data of
 * the report.
 */
function unreadable(folder: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  if (!UNREADABLE.has(code)) return error;
  return new TaskError(`cannot read ${folder}: ${code}`, { retryable: false, reason: code, cause: error });
}
const UNREADABLE: ReadonlySet<string> = new Set(
  ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ENAMETOOLONG", "ELOOP"].concat(
    "NoSuchBucket",
    "AccessDenied",
    "PermanentRedirect",
  ),
);

/** Folds the results of the digests, in the order of the walk, into an InventoryReport (report-value.ts). */
export const inventoryReport = defineTask({
  name: "inventory.report",
  streamsResults: true,
  timeout: 3_600,
  retry: { maxAttempts: 5 },
  run: (ctx, _digests: unknown, folder: string) => foldResults(folder, () => chunkEnds(ctx.results(), ctx.signal)),
});

async function* chunkEnds(
  entries: AsyncIterable<ResultEntry>,
  signal: AbortSignal,
): AsyncGenerator<ChunkEnd, void, undefined> {
  for await (const { index, status, value, error } of entries) {
    signal.throwIfAborted();
    if (status === "success") yield { result: value as unknown as ChunkResult };
    else yield { lost: `chunk ${index}: ${error?.reason ?? error?.name ?? status}` };
  }
}
