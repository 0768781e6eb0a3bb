import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { BlobRef } from "../../../functions/core/blob-ref.ts";
import { dies } from "../fixtures/blob-tasks.ts";
import { newFolder, run, startTestRuntime } from "../harness.ts";

const tasksModule = fileURLToPath(new URL("../fixtures/blob-tasks.ts", import.meta.url));

it("a worker that is killed in the middle of a put leaves no half blob, and the next attempt puts it whole", async () => {
  const dataFolder = newFolder();
  const { runtime } = await startTestRuntime({ dataFolder, tasksModule });
  const job = await run(runtime, dies.s());
  const bytes = 10 * 1_048_576;
  const sha256 = createHash("sha256").update("x".repeat(bytes)).digest("hex");
  expect(job).toMatchObject({ state: "success", value: { $blob: sha256, bytes } satisfies Partial<BlobRef> });
  const contents = join(dataFolder, "blobs", "contents");
  const files = readdirSync(contents, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("/"));
  expect(files).toEqual([`${sha256.slice(0, 2)}/${sha256}`]);
  expect(statSync(join(contents, files[0] as string)).size).toBe(bytes);
  // What the killed process had written of it goes at the next start.
  const drafts = join(dataFolder, "blobs", "drafts");
  expect(readdirSync(drafts)).toHaveLength(1);
  await runtime.stop({ graceSeconds: 0 });
  await startTestRuntime({ dataFolder, tasksModule });
  expect(readdirSync(drafts)).toEqual([]);
});
