import { describe, expect, it } from "vitest";
import type { ItemReport } from "../../../functions/core/task/invocation.ts";
import {
  appendPage,
  listStreams,
  openStream,
  readPage,
  readStream,
  type StoredStream,
} from "../../../functions/engine/items/report-items.ts";
import { FakeClock } from "../../../functions/testing/ports/fake-clock.ts";
import { MemoryBlobs } from "../../../functions/testing/ports/memory-blobs.ts";
import { MemoryStore } from "../../../functions/testing/ports/memory-store.ts";
import { SequenceIds } from "../../../functions/testing/ports/sequence-ids.ts";

const clock = new FakeClock();
const run = { runId: "J.0", jobId: "J", ttl: Math.ceil(clock.now() / 1_000) + 1_000 };
const page = (...positions: readonly number[]): ItemReport[] =>
  positions.map((position) => ({ position, state: "processed", item: { path: `/${position}` } }));
const portsNow = () => ({ store: new MemoryStore(), blobs: new MemoryBlobs(), ids: new SequenceIds() });

describe("the stream of reports of a run", () => {
  it("is written by the attempt that has opened it last, and an older one can neither write nor open it", async () => {
    const ports = portsNow();
    const first = (await openStream(ports, run, 1)) as StoredStream;
    const one = (await appendPage(ports, run, first, page(0, 1))) as StoredStream;
    const second = (await openStream(ports, run, 2)) as StoredStream;
    expect(second).toMatchObject({ attempt: 2, sequence: 1, reported: { cursor: 2, ahead: [] } });
    expect(await appendPage(ports, run, one, page(2))).toBeUndefined();
    expect(await openStream(ports, run, 1)).toBeUndefined();
    const two = (await appendPage(ports, run, second, page(3, 5))) as StoredStream;
    expect(two).toMatchObject({
      sequence: 2,
      reported: {
        cursor: 2,
        ahead: [
          [3, 3],
          [5, 5],
        ],
      },
      totals: { processed: 4 },
    });
    expect(await readStream(ports, run)).toEqual(two);
  });
  it("has the pages that were named, whoever wrote a blob of that number later", async () => {
    const ports = portsNow();
    const first = (await openStream(ports, run, 1)) as StoredStream;
    const second = (await openStream(ports, run, 2)) as StoredStream;
    const one = (await appendPage(ports, run, second, page(7))) as StoredStream;
    expect(await appendPage(ports, run, first, page(8))).toBeUndefined();
    expect((await readPage(ports, run, one, 1)).map(({ position }) => position)).toEqual([7]);
  });
  it("knows a page that was named although its writer was not told", async () => {
    const ports = portsNow();
    const first = (await openStream(ports, run, 1)) as StoredStream;
    const one = await appendPage(ports, run, first, page(0));
    expect(await appendPage(ports, run, first, page(0))).toEqual(one);
    expect(await readStream(ports, run)).toMatchObject({ sequence: 1, totals: { processed: 1 } });
  });
  it("is another one in a round in which its run began anew, and the latest is listed", async () => {
    const ports = portsNow();
    const anew = { ...run, since: 2 };
    for (const each of [run, anew, run])
      await appendPage(ports, each, (await openStream(ports, each, 1)) as StoredStream, page(0));
    expect(await readStream(ports, anew)).toMatchObject({ sequence: 1 });
    expect(await listStreams(ports, "J", { from: undefined, limit: 10 })).toMatchObject([{ runId: "J.0", since: 2 }]);
  });
});
