import { isAbsolute, resolve } from "node:path";
import * as z from "zod";
import { chain, defineWorkflow, FanfoldError } from "../../sdk/index.ts";
import { S3_URL } from "./source.ts";
import { overlap, stateInside } from "./state-folder.ts";
import { inventoryReport, inventoryWalk } from "./tasks.ts";

export { inventoryDigest, inventoryReport, inventoryWalk } from "./tasks.ts";
export type { InventoryReport } from "./report-value.ts";

const isFolder = (path: string): boolean => isAbsolute(path) && !path.includes("\0");
const absolutePath = z.string().refine(isFolder, "must be an absolute path");
const source = z
  .string()
  .refine((text) => isFolder(text) || S3_URL.test(text), "must be an absolute path, or s3://bucket/prefix");

/** Reports what a folder, or a part of a bucket, contains. docs/demo.md has the rules. */
export const inventory = defineWorkflow({
  name: "inventory",
  description:
    "Walks a folder (or, with s3://bucket/prefix, the objects below a prefix) and digests its files (SHA-256, size) at the same time, then reports files, directories, bytes, duplicates, extensions and failures. " +
    "Links are not followed, special files not opened, mount points crossed; each hard link counts, and so does the folder itself. " +
    "A file that is unreadable, gone or changed while it is read is a failure with a reason.",
  parameters: z.strictObject({
    folder: source.describe("The folder to walk, an absolute path, or s3://bucket/prefix"),
    chunk: z.int().min(1).max(1_000).default(32).describe("Files per digest run"),
    state: absolutePath.optional().describe("The data folder of the engine: refused when it is inside the folder"),
  }),
  canvas: ({ folder: given, chunk, state }) => {
    const bucket = S3_URL.test(given);
    const folder = bucket ? given : resolve(given);
    if (!bucket && state !== undefined && overlap(folder, state))
      throw new FanfoldError("invalid_parameters", stateInside(folder, state), { details: { field: "/state" } });
    return chain(inventoryWalk.s(folder, chunk, (bucket ? undefined : state) ?? null), inventoryReport.s(folder));
  },
});
