import * as z from "zod";
import { chord, defineTask, defineWorkflow, group, TaskError } from "../../functions/sdk/index.ts";

/** Work for the tests of the dashboard, and for its screenshots. */
export * from "../shipped-tasks.ts";

/** Waits for more runs than any test starts, so its runs stay in the backlog. */
export const gathered = defineTask({
  name: "files.gathered",
  bulk: { maxItems: 1_000, maxSeconds: 900 },
  run: (_ctx, runs: readonly unknown[]) => runs.map(() => ({ value: 1 })),
});
export const gathering = defineWorkflow({
  name: "files.gathering",
  description: "Runs that wait to share a call.",
  parameters: z.object({ files: z.int().min(1).max(900) }),
  canvas: ({ files }) => group(Array.from({ length: files }, () => gathered.s())),
});
/** Fails for the numbers that its list names. It says so in its log. */
export const digest = defineTask({
  name: "files.digest",
  run: async (ctx, index: number, wait: number, fails: boolean) => {
    ctx.log.info("reading", { index });
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (fails) {
      ctx.log.error("the disk is full", { index });
      throw index % 2 === 0
        ? new TaskError(`disk full while writing file ${index}`, { reason: "ENOSPC", retryable: false })
        : new TaskError(`connection reset by storage-${index}`, { reason: "ECONNRESET", retryable: false });
    }
    return { file: `file-${index}`, bytes: index * 1_024 };
  },
});
export const report = defineTask({
  name: "files.report",
  streamsResults: true,
  run: async (ctx, _results: unknown) => {
    let bytes = 0;
    let failed = 0;
    for await (const { value, error } of ctx.results()) {
      if (error) failed++;
      else bytes += (value as { bytes: number }).bytes;
    }
    return { bytes, failed };
  },
});
export const archive = defineWorkflow({
  name: "files.archive",
  description: "Digests files side by side, then reports.",
  parameters: z.object({
    files: z.int().min(1).max(100_000).default(40).describe("How many files"),
    fail: z.array(z.int()).default([]).describe("Files that fail"),
    wait: z.number().min(0).default(0).describe("Milliseconds that each takes"),
    label: z.string().default("nightly"),
    strict: z.boolean().default(false).describe("Whether one failure fails the group at once"),
  }),
  canvas: ({ files, fail, wait, strict }) =>
    chord(
      group(
        Array.from({ length: files }, (_, index) => digest.s(index, wait, fail.includes(index))),
        { policy: strict ? "failFast" : "settled" },
      ),
      report.s(),
    ),
});

/** Holds a lock for so many milliseconds. */
export const hold = defineTask({
  name: "files.hold",
  locks: [{ key: (_ctx, key: string) => key }],
  run: async (_ctx, _key: string, wait: number) => {
    await new Promise((resolve) => setTimeout(resolve, wait));
    return null;
  },
});
/** A run that jobs share, and one that depends on it. */
export const index = defineTask({ name: "files.index", dedupe: "forever", run: (_ctx, folder: string) => folder });
export const search = defineTask({
  name: "files.search",
  dedupe: "forever",
  run: async (ctx, folder: string) => ({ found: await ctx.requireDependency("index", index.s(folder)) }),
});

const HOSTILE = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
/** Its name, error, log and value are as bad as they may be. */
export const hostile = defineTask({
  name: `hostile.${"\u05d0"}<b>`,
  run: (ctx, size: number) => {
    ctx.log.info(`${HOSTILE}\u0000\u202etxt.exe\u001b[31m`);
    if (size > 0) return { text: "x".repeat(size), html: HOSTILE, rtl: "\u202eabc", nul: "\u0000" };
    throw new TaskError(`${HOSTILE} \u202egnp.exe\u0000`, { reason: "<i>bad</i>", retryable: false });
  },
});
