import { expect, it } from "vitest";
import { definePathTask, expandPaths, StreamTaskResults } from "../../functions/paths/index.ts";
import { chain } from "../../functions/sdk/index.ts";
import { TestEngine } from "../../functions/testing/index.ts";

const MILLION = 1_000_000;
const MEGABYTE = 1_048_576;
/** Far less than a million items would take, which is some 200 MB. What the engine stores is left out. */
const MOST_GROWTH = 60 * MEGABYTE;

const heap = (): number => process.memoryUsage().heapUsed;

it(
  "NG-038 NG-042 a million items are flat in the memory of a task that streams them",
  { timeout: 600_000 },
  async () => {
    let most = 0;
    const samples: number[] = [];
    const walk = definePathTask({
      name: "walk",
      acceptsStreaming: true,
      run: async (ctx, { jobid }) => {
        const found = (function* () {
          for (let n = 0; n < MILLION; n++) yield `/data/${n}`;
        })();
        const status = new StreamTaskResults(ctx.task, found, jobid, ctx.queue, ctx.runId);
        let done = 0;
        for await (const { path } of expandPaths(found)) {
          await status.add("processed", path);
          if (++done % 100_000 === 0) samples.push(heap());
        }
        return status.dump();
      },
    });
    const verify = definePathTask({
      name: "verify",
      acceptsStreaming: true,
      run: async (ctx, { jobid, paths }) => {
        const status = new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId);
        for await (const { path } of expandPaths(paths)) await status.add("skipped", path);
        most = heap();
        return status.dump();
      },
    });
    const engine = new TestEngine({ tasks: { walk, verify } });
    const streams = { stream_results: true } as const;
    const job = await engine.settle(await engine.submit(chain(walk.s(streams), verify.s(streams))));
    expect(job).toMatchObject({ state: "success", items: { processed: 0, skipped: MILLION, failures: 0 } });
    // The engine in memory keeps the pages, outside of the heap: as bytes.
    expect((samples.at(-1) as number) - (samples[0] as number)).toBeLessThan(MOST_GROWTH);
    expect(most - (samples[0] as number)).toBeLessThan(MOST_GROWTH);
  },
);
