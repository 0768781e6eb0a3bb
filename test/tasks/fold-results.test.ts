import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { NOTHING, type Digested } from "../../functions/tasks/inventory/chunk.ts";
import { DuplicateGroups, RepeatedDigests } from "../../functions/tasks/inventory/find-duplicates.ts";
import { foldResults, type ChunkEnd } from "../../functions/tasks/inventory/fold-results.ts";
import { REPORT_BOUNDS } from "../../functions/tasks/inventory/report-value.ts";

const digestOf = (content: number | string): string => createHash("sha256").update(String(content)).digest("hex");
/** Yields any number of chunks without holding them all. */
const ends = (chunks: number, chunkOf: (at: number) => Partial<{ files: Digested[]; failures: [string, string][] }>) =>
  async function* (): AsyncGenerator<ChunkEnd> {
    for (let at = 0; at < chunks; at++) yield { result: { files: [], failures: [], totals: NOTHING, ...chunkOf(at) } };
  };

describe("a report of more than fits", () => {
  it("a report of too many entries stays below the limit of a value and says how many there were", async () => {
    const long = "\u0001".repeat(1_000);
    const report = await foldResults(
      "/folder",
      ends(2_000, (at) => ({
        files: [0, 1, 2, 3, 4, 5, 6, 7].map((k) => [`${at}.${k}.${long}.e${at}`, 10 + at, digestOf(at)]),
        failures: [[`${at}${long}`, "EACCES"]],
      })),
    );
    expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(15 * 1024 * 1024);
    expect(report).toMatchObject({
      files: 16_000,
      failuresTotal: 2_000,
      extensionsTotal: 2_000,
      duplicatesTotal: { groups: 2_000, files: 16_000 },
    });
    expect(report.failures.length).toBeLessThan(2_000);
    expect(Object.keys(report.byExtension)).toHaveLength(REPORT_BOUNDS.extensions.items);
    const listed = report.duplicates.reduce((sum, { paths, pathsOmitted = 0 }) => sum + paths.length + pathsOmitted, 0);
    expect(listed).toBe(report.duplicates.length * 8);
    expect(report.duplicates.slice(0, -1).every((group) => group.pathsOmitted === undefined)).toBe(true);
    expect(report.duplicates[0]?.bytes).toBe(2_009);
  });
  it("a report lists a lost chunk and keeps the counts of the walk", async () => {
    const totals = { ...NOTHING, directories: 5, links: 2 };
    const report = await foldResults("/folder", async function* () {
      yield { lost: "chunk 0: task_killed" };
      yield { result: { files: [], failures: [], totals } };
    });
    expect(report).toMatchObject({
      directories: 5,
      links: 2,
      failuresTotal: 1,
      failures: [{ path: ".", reason: "chunk 0: task_killed" }],
    });
  });
});

describe("digests that occur more than once", () => {
  it("repeated digests are found among many, in any order", () => {
    const digests = new RepeatedDigests();
    const given = Array.from({ length: 5_000 }, (_, at) => digestOf(at % 4_000));
    for (const digest of given) digests.add(digest);
    const isCandidate = digests.candidates();
    expect(given.filter((digest, at) => isCandidate(digest) !== at % 4_000 < 1_000)).toEqual([]);
    expect(new RepeatedDigests().candidates()(digestOf(1))).toBe(false);
  });
  it("digests that only begin alike are kept apart", () => {
    const groups = new DuplicateGroups();
    const [one, other] = [`${"a".repeat(63)}0`, `${"a".repeat(63)}1`];
    groups.add(["1", 4, one]);
    groups.add(["2", 4, other]);
    groups.add(["3", 4, one]);
    expect(groups.report()).toEqual({
      duplicates: [{ sha256: one, bytes: 4, paths: ["1", "3"] }],
      duplicatesTotal: { groups: 1, files: 2, wastedBytes: 4 },
    });
  });
});
