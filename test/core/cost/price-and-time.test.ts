import { describe, expect, it } from "vitest";
import { config } from "../../../fanfold.config.ts";
import {
  DEFAULT_DEPLOYMENT,
  functionSeconds,
  newTableSeconds,
  priceOf,
  rampSeconds,
  timeFloor,
} from "../../../functions/core/cost/price-and-time.ts";
import { PRICES, QUOTAS } from "../../../functions/core/cost/price-table.ts";
import type { WorkCount } from "../../../functions/core/cost/work-count.ts";

const NOTHING: WorkCount = {
  taskRuns: 0,
  members: 0,
  groups: 0,
  height: 0,
  writes: { rows: 0, ledger: 0, headers: 0, plan: 0, jobs: 0 },
  reads: 0,
  headerReads: 0,
  blobs: 0,
  messages: {},
  requests: { send: 0, receive: 0, delete: 0 },
};

describe("the price of counted work", () => {
  it("is nothing for nothing", () => expect(priceOf(NOTHING, 1).total).toBe(0));
  it("is, for each part, its units times the price of one", () => {
    const { parts, total } = priceOf(
      { ...NOTHING, writes: { rows: 1e6, ledger: 2e6, headers: 0, plan: 0, jobs: 0 }, reads: 1e6, blobs: 1e6 },
      0,
    );
    expect(parts).toMatchObject({
      rows: PRICES.writeUnit * 1e6,
      ledger: PRICES.writeUnit * 2e6,
      reads: PRICES.readUnit * 1e6,
      headers: 0,
      queue: 0,
    });
    expect(parts.plan).toBeCloseTo((PRICES.blobRead + PRICES.blobWrite) * 1e6);
    expect(total).toBeCloseTo(Object.values(parts).reduce((sum, part) => sum + part));
  });
  it("lets tasks that run side by side share a function, as many as it has slots", () => {
    const work = { ...NOTHING, taskRuns: 320, requests: { send: 1, receive: 10, delete: 10 } };
    const idle = functionSeconds(work, 0, DEFAULT_DEPLOYMENT);
    expect(functionSeconds(work, 1, DEFAULT_DEPLOYMENT) - idle).toBeCloseTo(10);
    expect(functionSeconds(work, 1, { ...DEFAULT_DEPLOYMENT, slots: 1 }) - idle).toBeCloseTo(320);
  });
  it("has the deployment's own defaults", () => {
    const [site] = config.sites ?? [];
    expect(DEFAULT_DEPLOYMENT).toEqual({
      maxConcurrency: site?.queues?.[0]?.maxConcurrency,
      slots: config.concurrency,
      memoryMb: site?.functions.find(({ kind }) => kind === "worker")?.memoryMb,
    });
  });
});

describe("the time floor", () => {
  it("of an event source: 5 invocations at first, 5 more each second, then its most", () => {
    expect(rampSeconds(0, 50)).toBe(0);
    // 5 t + 2.5 t^2
    expect(rampSeconds(7.5, 50)).toBeCloseTo(1);
    expect(rampSeconds(5 * 9 + 2.5 * 81, 50)).toBeCloseTo(9);
    expect(rampSeconds(5 * 9 + 2.5 * 81 + 500, 50)).toBeCloseTo(19);
    expect(rampSeconds(100, 2)).toBeCloseTo(50);
    expect(rampSeconds(1e9, 5_000)).toBeGreaterThan(1e9 / QUOTAS.eventSource.most);
  });
  it("of a new table: 4,000 writes per second, twice as many every 30 minutes, at most 40,000", () => {
    expect(newTableSeconds(4_000)).toBe(1);
    expect(newTableSeconds(4_000 * 1_800 + 8_000)).toBe(1_801);
    const grown = (4_000 + 8_000 + 16_000 + 32_000) * 1_800;
    expect(newTableSeconds(grown + 40_000)).toBe(4 * 1_800 + 1);
  });
  it("names what takes longest, and each table by itself", () => {
    const rows = { ...NOTHING, writes: { ...NOTHING.writes, rows: 400_000, ledger: 80_000 } };
    const floor = timeFloor(rows, 1, 0, { ...DEFAULT_DEPLOYMENT, maxConcurrency: 1_000 });
    expect(floor.bounds.find(({ by }) => by.endsWith("tasks"))?.seconds).toBe(10);
    expect(floor.bounds.find(({ by }) => by.endsWith("callbacks"))?.seconds).toBe(2);
    expect(floor.secondsOnNewTables).toBe(100);
    expect(timeFloor({ ...NOTHING, taskRuns: 3 }, 3, 100)).toMatchObject({
      seconds: 300,
      limitedBy: "tasks that follow each other",
    });
    expect(timeFloor({ ...NOTHING, headerReads: 30_000 }, 1, 0)).toMatchObject({
      seconds: 10,
      limitedBy: expect.stringContaining("header") as string,
    });
  });
});
