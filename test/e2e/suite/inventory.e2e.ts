import { beforeAll, describe, expect, it } from "vitest";
import type { InventoryReport } from "../../../functions/tasks/inventory/index.ts";
import { openDataBucket } from "../data-bucket.ts";
import { connect, ended, type Api } from "../deployment.ts";
import { DATA_BUCKET } from "../names.ts";

/** SHA-256 digests: the examples of FIPS 180-4, and the digest of the empty message. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const MILLION = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

const FILES: readonly (readonly [path: string, content: string, sha256: string])[] = [
  ["empty.md", "", EMPTY],
  ["a/b/c/abc.txt", "abc", ABC],
  ["a/b/grün & +%41 name.txt", "abc", ABC],
  ["a/million.bin", "a".repeat(1_000_000), MILLION],
  ...Array.from({ length: 80 }, (_, i) => [`many/${String(i).padStart(3, "0")}.JSON`, "abc", ABC] as const),
];
const BYTES = FILES.reduce((sum, [, content]) => sum + content.length, 0);

describe("the demo on a prefix of a bucket", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
    const put = await openDataBucket();
    const beside = [
      ["photos/2026-other/x.txt", "abc"],
      ["photos/2025", "abc"],
    ] as const;
    for (const [key, content] of [...FILES.map(([path, text]) => [`photos/2026/${path}`, text] as const), ...beside])
      await put(key, content);
  });

  it("counts and digests every object below it, and none beside it", async () => {
    const { jobId } = await api.client.start("inventory", { folder: `s3://${DATA_BUCKET}/photos/2026`, chunk: 7 });
    const job = await ended(api, jobId);
    expect(job).toMatchObject({ state: "success", counts: { success: Math.ceil(FILES.length / 7) + 2 } });
    const report = job.value as unknown as InventoryReport;
    expect(report).toMatchObject({
      files: FILES.length,
      bytes: BYTES,
      failuresTotal: 0,
      byExtension: { ".json": { files: 80, bytes: 240 }, ".txt": { files: 2, bytes: 6 } },
    });
    expect(report.duplicates.map(({ sha256, paths }) => [sha256, paths.length])).toEqual([[ABC, 82]]);
    expect(report.largest[0]).toEqual({ path: "a/million.bin", bytes: 1_000_000 });

    const digests = (await api.client.runs(jobId, { limit: 1_000 })).items.filter(
      ({ task }) => task === "inventory.digest",
    );
    const values = await Promise.all(
      digests.map(
        async ({ runId }) => (await api.client.run(runId)).value as { files: readonly [string, number, string][] },
      ),
    );
    const found = values.flatMap(({ files }) => files).toSorted(byPath);
    expect(found).toEqual(FILES.map(([path, content, sha256]) => [path, content.length, sha256]).toSorted(byPath));
  });

  it("of a bucket that is not there fails and says so", async () => {
    const { jobId } = await api.client.start("inventory", { folder: "s3://fanfold-e2e-no-such-bucket/x" });
    expect(await ended(api, jobId)).toMatchObject({ state: "failure", error: { reason: "NoSuchBucket" } });
  });
});

const byPath = (one: readonly unknown[], other: readonly unknown[]): number =>
  String(one[0]) < String(other[0]) ? -1 : 1;
