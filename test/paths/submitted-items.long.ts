import { expect, it } from "vitest";
import { definePathTask, DynamicSubmitter, expandPaths, StreamTaskResults } from "../../functions/paths/index.ts";
import { TestEngine } from "../../functions/testing/index.ts";

/** FANFOLD_ITEMS=2000000 runs the full size, which takes the better part of an hour. */
const ITEMS = Number(process.env["FANFOLD_ITEMS"] ?? 60_000);
const BREAKS = 20;
const CHUNK = 500;

it(
  `NG-033 NG-047 ${ITEMS} items through a submitter and streamed results are exact, although attempts break off`,
  { timeout: 7_200_000 },
  async () => {
    // Of a fixed sequence, so that a failure can be repeated.
    const breaks = Array.from({ length: BREAKS }, (_, k) => (((k + 1) * 7_919) % 97) / 97).map((at) =>
      Math.floor(at * ITEMS),
    );
    const reported = new Uint8Array(ITEMS);
    let attempts = 0;
    const migrate = definePathTask({
      name: "migrate",
      acceptsStreaming: true,
      retry: { maxAttempts: 5, initialDelaySeconds: 1 },
      run: async (ctx, { jobid, paths }) => {
        const status = new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId, { flushItems: 100 });
        let done = 0;
        for await (const { path } of expandPaths(paths)) {
          const number = Number(path.slice(1));
          if (++done === CHUNK / 2 && number % 4_999 < CHUNK && ctx.attempt === 1) throw new Error("broken off");
          await status.add(number % 3 === 0 ? "skipped" : "processed", path);
        }
        return status.dump();
      },
    });
    const discover = definePathTask({
      name: "discover",
      acceptsStreaming: true,
      countsTowardsJob: false,
      retry: { maxAttempts: BREAKS + 1, initialDelaySeconds: 1, maxDelaySeconds: 1 },
      run: async (ctx, { jobid }) => {
        const found = (function* () {
          for (let n = 0; n < ITEMS; n++) yield `/${n}`;
        })();
        const status = new StreamTaskResults(ctx.task, found, jobid, ctx.queue, ctx.runId);
        const settings = { files: migrate.s({ stream_results: true }) };
        const submitter = new DynamicSubmitter({ status, settings, chunkSize: CHUNK });
        const stop = breaks[attempts++] ?? ITEMS;
        let number = 0;
        for await (const { path } of expandPaths(found)) {
          if (number++ === stop) throw new Error(`attempt ${attempts}`);
          await status.add("processed", path);
          await submitter.add("files", path);
        }
        return submitter.dump();
      },
    });
    const engine = new TestEngine({ tasks: { discover, migrate }, maxRuns: 10 * (ITEMS / CHUNK) + 1_000 } as never);
    const jobId = await engine.submit(discover.s({ stream_results: true }));
    const job = await engine.settle(jobId);
    const skipped = Math.ceil(ITEMS / 3);
    expect(job).toMatchObject({
      state: "success",
      countsExact: true,
      counts: { success: Math.ceil(ITEMS / CHUNK) + 1 },
      items: { skipped, processed: ITEMS - skipped, failures: 0, aborted: 0, inprogress: 0 },
    });
    expect(attempts).toBe(BREAKS + 1);
    let ofDiscovery = 0;
    for (const { runId, item } of await engine.reports(jobId))
      if (runId === `${jobId}.0`) ofDiscovery++;
      else reported[Number((item["path"] as string).slice(1))]!++;
    expect(ofDiscovery).toBe(ITEMS);
    expect(reported.every((times) => times === 1)).toBe(true);
  },
);
