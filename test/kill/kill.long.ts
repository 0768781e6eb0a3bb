import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generateFolder } from "./generated-folder.ts";
import { killInventory } from "./kill-inventory.ts";

let workFolder: string;
beforeAll(() => {
  workFolder = realpathSync(mkdtempSync(join(tmpdir(), "fanfold-kill-")));
});
afterAll(() => rmSync(workFolder, { recursive: true, force: true }));

// This is the short form of `npm run kill-test`, which kills 50 times.
it.skipIf(process.platform !== "linux")(
  "an inventory whose every process is killed three times ends with the same report and digests nothing again",
  async () => {
    const folder = join(workFolder, "folder");
    generateFolder(folder, 200, 1);
    const { problems, digestsRecorded, chunks } = await killInventory({
      folder,
      workFolder,
      kills: 3,
      seed: 1,
      onLine: () => undefined,
    });
    expect(problems).toEqual([]);
    expect(digestsRecorded).toBe(chunks);
  },
  90_000,
);
