import { isAbsolute, resolve } from "node:path";
import * as z from "zod";
import { chain, defineWorkflow, FanfoldError, Graph, QueueName } from "../../sdk/index.ts";
import { overlap } from "../inventory/state-folder.ts";
import { ALGORITHMS } from "./algorithms.ts";
import {
  manifestCompare,
  manifestConfirm,
  manifestDiscover,
  manifestDraft,
  manifestFinish,
  manifestOpen,
} from "./tasks.ts";

export {
  manifestChecksum,
  manifestCompare,
  manifestConfirm,
  manifestDiscover,
  manifestDraft,
  manifestFinish,
  manifestOpen,
} from "./tasks.ts";
export type { ManifestReport } from "./manifest-report.ts";

const path = z
  .string()
  .refine((text) => isAbsolute(text) && !text.includes("\0"), "must be an absolute path")
  .transform((text) => resolve(text));
const site = z.string().regex(/^[\w-]+$/, "must be the name of a site");

/** Writes a manifest of the files of a folder, or verifies the folder by it. docs/guide-manifest.md has the rules. */
export const checksumManifest = defineWorkflow({
  name: "checksum-manifest",
  description:
    "Digests the files of a folder and writes a manifest that sha256sum --check reads. " +
    "With an existing manifest it reports which files are changed, missing and added, and leaves the manifest as it is. " +
    "Links are not followed. A file that is unreadable, gone or changed while it is read makes the job a failure.",
  parameters: z.strictObject({
    folder: path.describe("The folder, an absolute path"),
    manifest: path.describe("The file of the manifest, an absolute path outside the folder"),
    algorithm: z.enum(ALGORITHMS).default("sha256").describe("The digests of the manifest"),
    update: z.boolean().default(false).describe("Replace an existing manifest after it was compared"),
    chunk: z.int().min(1).max(1_000).default(100).describe("Files per checksum run"),
    site: site.optional().describe("The site that has the folder"),
    manifestSite: site.optional().describe("The site that has the manifest"),
  }),
  canvas: ({ folder, manifest, algorithm, update, chunk, site: near, manifestSite: far }) => {
    if (overlap(folder, manifest))
      throw new FanfoldError("invalid_parameters", `the manifest ${manifest} must be outside the folder ${folder}`, {
        details: { field: "/manifest" },
      });
    const queueAt = (name: string | undefined) =>
      name === undefined ? {} : { queue: QueueName.format({ site: name }) };
    const [here, there] = [near !== undefined && { site: near }, far !== undefined && { site: far }];
    // Both first nodes are given the results of the walk. The draft is written while differences are read again.
    const graph = new Graph();
    graph.addTask(manifestDraft, { args: [manifest, update], parents: [], ...there });
    const compared = graph.addTask(manifestCompare, { args: [manifest, algorithm], parents: [], ...there });
    graph.addTask(manifestConfirm, { args: [folder, algorithm], parents: [compared], ...here });
    return chain(
      manifestOpen.si(manifest, algorithm, update).set(queueAt(far)),
      manifestDiscover.si({ folder, algorithm, chunk }).set(queueAt(near)),
      graph,
      manifestFinish.s({ folder, manifest, algorithm, update }).set(queueAt(far)),
    );
  },
});
