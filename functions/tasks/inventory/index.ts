import { isAbsolute, resolve } from "node:path";
import * as z from "zod";
import { chain, defineWorkflow, FanfoldError } from "../../sdk/index.ts";
import { overlap, stateInside } from "./state-folder.ts";
import { inventoryReport, inventoryWalk } from "./tasks.ts";

export { inventoryDigest, inventoryReport, inventoryWalk } from "./tasks.ts";
export type { InventoryReport } from "./report-value.ts";

const absolutePath = z.string().refine((path) => isAbsolute(path) && !path.includes("\0"), "must be an absolute path");

/** What a folder holds. The rules are in docs/demo.md. */
export const inventory = defineWorkflow({
  name: "inventory",
  description:
    "Walks a folder and digests its files (SHA-256, size) at the same time, then reports files, directories, bytes, duplicates, extensions and failures. " +
    "Links are not followed, special files not opened, mount points crossed; each hard link counts, and so does the folder itself. " +
    "A file that is unreadable, gone or changed while it is read is a failure with a reason.",
  parameters: z.strictObject({
    folder: absolutePath.describe("The folder to walk, an absolute path"),
    chunk: z.int().min(1).max(1_000).default(32).describe("Files per digest run"),
    state: absolutePath.optional().describe("The data folder of the engine: refused when it is inside the folder"),
  }),
  canvas: ({ folder: given, chunk, state }) => {
    const folder = resolve(given);
    if (state !== undefined && overlap(folder, state))
      throw new FanfoldError("invalid_parameters", stateInside(folder, state), { details: { field: "/state" } });
    return chain(inventoryWalk.s(folder, chunk, state ?? null), inventoryReport.s(folder));
  },
});
