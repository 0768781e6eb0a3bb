import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createApp } from "../../../functions/api/app.ts";
import { noSecurity } from "../../../functions/api/security.ts";
import { createClient } from "../../../functions/client/index.ts";
import { serveApp } from "../../../functions/embedded/serve-app.ts";
import { chain } from "../../../functions/sdk/index.ts";
import { reads, writes } from "../fixtures/blob-tasks.ts";
import { atEnd, ended, startTestRuntime, submit } from "../harness.ts";

const MEGABYTE = 1_048_576;
const MEGABYTES = 200;
const MOST_GROWTH = 64 * MEGABYTE;
const tasksModule = fileURLToPath(new URL("../fixtures/blob-tasks.ts", import.meta.url));

/** Samples this process, which is the parent of the workers and serves the API. */
async function growthOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 10);
  await work();
  clearInterval(timer);
  return most - before;
}

it(
  "a blob of 200 MB is flat in the memory of the worker that puts it, the one that reads it, and their parent",
  { timeout: 300_000 },
  async () => {
    const { runtime } = await startTestRuntime({ tasksModule });
    const growth = await growthOf(async () => {
      const job = await ended(runtime, await submit(runtime, chain(writes.s(MEGABYTES), reads.s())), 240_000);
      expect(job).toMatchObject({ state: "success", value: { bytes: MEGABYTES * MEGABYTE } });
      const { written, growth: read } = job.value as { written: number; growth: number };
      expect(written).toBeLessThan(MOST_GROWTH);
      expect(read).toBeLessThan(MOST_GROWTH);
    });
    expect(growth).toBeLessThan(MOST_GROWTH);
  },
);

it("a blob of 200 MB is flat in the memory of a server that takes and sends it", { timeout: 300_000 }, async () => {
  const { runtime } = await startTestRuntime({ tasksModule, workers: 1 });
  const { engine, workflows, registry } = runtime;
  const app = createApp({
    engine,
    workflows,
    registry,
    security: noSecurity(),
    version: "1.2.3",
    health: () => runtime.health(),
  });
  const served = await serveApp(app, { port: 0 });
  atEnd(() => served.close(0));
  const { blobs } = createClient({ url: served.url });
  await blobs.put("warm");
  let sent = 0;
  // Sent again and again: what a sender allocates is freed when it pleases the collector.
  const piece = new Uint8Array(MEGABYTE);
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (sent >= MEGABYTES) controller.close();
        else controller.enqueue(piece);
        sent++;
      },
    },
    { highWaterMark: 0 },
  );
  let bytes = 0;
  // Sender, server and receiver are this one process.
  const growth = await growthOf(async () => {
    const ref = await blobs.put(stream);
    for await (const piece of await blobs.open(ref)) bytes += piece.byteLength;
  });
  expect(bytes).toBe(MEGABYTES * MEGABYTE);
  expect(growth).toBeLessThan(MOST_GROWTH);
});
