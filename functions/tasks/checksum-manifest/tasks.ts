import { Buffer } from "node:buffer";
import * as z from "zod";
import {
  definePathTask,
  DynamicSubmitter,
  expandPaths,
  FileActionStatus,
  StreamTaskResults,
  type PathObject,
} from "../../paths/index.ts";
import { currentQueue, defineTask, TaskError } from "../../sdk/index.ts";
import { CHUNK_BYTES } from "../inventory/cut-chunks.ts";
import { hashFile } from "../inventory/digest-file.ts";
import { decodePath } from "../inventory/path-text.ts";
import { pathIn, walkFolder } from "../inventory/walk-folder.ts";
import { ALGORITHMS } from "./algorithms.ts";
import { compare } from "./compare.ts";
import { foundFiles, type Found } from "./found-files.ts";
import { inOrder } from "./in-order.ts";
import { itemsOf } from "./walk-items.ts";
import {
  manifestExists,
  placeDraft,
  readManifest,
  removeDraft,
  requireWritable,
  systemError,
  writeManifest,
} from "./manifest-file.ts";
import type { ManifestEntry } from "./manifest-line.ts";
import type { Comparison, ManifestReport } from "./manifest-report.ts";

const algorithm = z.enum(ALGORITHMS);
const RETRY = { maxAttempts: 5 };
/** One file may take hours. */
const LONG_SECONDS = 86_400;
const FILES_AT_ONCE = 4;

/** Reads an existing manifest once, so that a wrong place or manifest ends the job before any file is read. */
export const manifestOpen = defineTask({
  name: "manifest.open",
  args: z.tuple([z.string(), algorithm, z.boolean()]),
  timeout: 3_600,
  retry: RETRY,
  run: async (ctx, manifest, by, update) => {
    if (update || !(await manifestExists(manifest))) await requireWritable(manifest);
    let recorded = 0;
    for await (const _entry of readManifest(manifest, by)) {
      ctx.signal.throwIfAborted();
      recorded++;
    }
    return recorded;
  },
});

/**
 * Walks the folder, and starts a checksum run for each chunk of it while it continues. A later attempt walks on behind
 * the last file that was given to one. The results of these runs are its value.
 */
export const manifestDiscover = definePathTask({
  name: "manifest.discover",
  kwargs: z.object({ folder: z.string(), algorithm, chunk: z.int().min(1) }),
  countsTowardsJob: false,
  timeout: LONG_SECONDS,
  retry: RETRY,
  run: async (ctx, { jobid, folder, algorithm: by, chunk }) => {
    const checksum = manifestChecksum.s({ stream_results: true, folder, algorithm: by }).set({ queue: currentQueue() });
    const submitter = new DynamicSubmitter({
      status: new FileActionStatus(ctx.task, [], jobid, currentQueue()),
      settings: { items: checksum },
      chunkSize: chunk,
      chunkGb: CHUNK_BYTES / 2 ** 30,
      handsOver: "children",
    });
    const after = submitter.resumeAt as string | undefined;
    const visits = walkFolder(
      Buffer.from(folder, "utf8"),
      after === undefined ? undefined : decodePath(after),
      ctx.signal,
    );
    try {
      for await (const item of itemsOf(visits)) await submitter.add("items", item, { at: item.path });
    } catch (error) {
      throw systemError(folder, error);
    }
    return submitter.dump();
  },
});

/** Digests the files of one chunk, several at a time, and reports them in their order while it goes on. */
export const manifestChecksum = definePathTask({
  name: "manifest.checksum",
  acceptsStreaming: true,
  kwargs: z.object({ folder: z.string(), algorithm }),
  timeout: LONG_SECONDS,
  retry: RETRY,
  run: async (ctx, { jobid, paths, folder, algorithm: by }) => {
    const status = new StreamTaskResults(ctx.task, paths, jobid, currentQueue(), ctx.runId, {
      idleSeconds: LONG_SECONDS,
    });
    const root = Buffer.from(folder, "utf8");
    const read = async ({ path, kind, reason }: PathObject) =>
      kind === "file"
        ? hashFile(pathIn(root, decodePath(path)), by, ctx.signal)
        : { reason: (reason ?? kind) as string };
    for await (const [{ path, kind }, result] of inOrder(expandPaths(paths), FILES_AT_ONCE, read)) {
      if ("digest" in result) await status.add("processed", { path, size: result.bytes }, { digest: result.digest });
      else
        await status.add(kind === "link" || kind === "special" ? "skipped" : "failures", path, {
          message: result.reason,
        });
    }
    return status.dump();
  },
});

/**
 * Writes the draft of a manifest beside its place, from the results of all checksum runs. Returns the number of its
 * files, or null when an existing manifest is to stay.
 */
export const manifestDraft = defineTask({
  name: "manifest.draft",
  streamsResults: true,
  timeout: 3_600,
  retry: RETRY,
  run: async (ctx, _chunks: unknown, manifest: string, update: boolean) => {
    if (!update && (await manifestExists(manifest))) return null;
    return writeManifest(draftOf(manifest, ctx.jobId), readFiles(foundFiles(ctx.results(), ctx.signal)));
  },
});
async function* readFiles(found: AsyncIterable<Found>): AsyncGenerator<ManifestEntry> {
  for await (const { path, digest } of found) if (digest !== undefined) yield { path, digest };
}

/** Compares the results of all checksum runs with the manifest. */
export const manifestCompare = defineTask({
  name: "manifest.compare",
  streamsResults: true,
  timeout: 3_600,
  retry: RETRY,
  run: async (ctx, _chunks: unknown, manifest: string, by: z.output<typeof algorithm>) =>
    compare(foundFiles(ctx.results(), ctx.signal), readManifest(manifest, by), await manifestExists(manifest)),
});
/** Reads the listed differences again, where the folder is. A file that is written meanwhile differs once more. */
export const manifestConfirm = defineTask({
  name: "manifest.confirm",
  timeout: LONG_SECONDS,
  retry: RETRY,
  run: async (ctx, compared: Comparison, folder: string, by: z.output<typeof algorithm>) => {
    const root = Buffer.from(folder, "utf8");
    const listed = [...compared.changed, ...compared.missing.map((path) => ({ path, found: null }))];
    const read = ({ path }: { readonly path: string }) => hashFile(pathIn(root, decodePath(path)), by, ctx.signal);
    const unsettled: string[] = [];
    for await (const [{ path, found }, again] of inOrder(listed, FILES_AT_ONCE, read))
      if (("digest" in again ? again.digest : null) !== found) unsettled.push(path);
    return { ...compared, unsettled, site: ctx.site };
  },
});

/** Puts the draft in its place when there was no manifest, or when it is to be updated. */
export const manifestFinish = defineTask({
  name: "manifest.finish",
  retry: RETRY,
  run: async (ctx, [drafted, confirmed]: Ends, given: Given): Promise<ManifestReport> => {
    const { update, ...named } = given;
    const { site, ...compared } = confirmed;
    const draft = draftOf(named.manifest, ctx.jobId);
    const outcome = !compared.existed ? "written" : update ? "updated" : "verified";
    if ((outcome === "verified") !== (drafted === null)) {
      await removeDraft(draft);
      throw new TaskError(`somebody else has made or removed ${named.manifest} meanwhile`, {
        retryable: false,
        reason: "manifest_contested",
      });
    }
    if (drafted !== null) await placeDraft(draft, named.manifest);
    return { ...named, outcome, ...compared, sites: { folder: site, manifest: ctx.site } };
  },
});
type Ends = readonly [drafted: number | null, confirmed: Confirmed];
type Confirmed = Comparison & Pick<ManifestReport, "unsettled"> & { readonly site: string };
type Given = Pick<ManifestReport, "folder" | "manifest" | "algorithm"> & { readonly update: boolean };

const draftOf = (manifest: string, jobId: string): string => `${manifest}.${jobId}.draft`;
