import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasEnded, type Job } from "../../functions/client/index.ts";
import { type Case, readCases } from "./cases.ts";
import { type ClosableDriver, type Driver, embeddedDriver } from "./driver.ts";
import { runCase } from "./run-case.ts";

const cases = readCases(fileURLToPath(new URL("./cases/canvas-cases.json", import.meta.url)));
const caseOf = (id: string): Case =>
  cases.find((each): each is Case => each.id === id && each.kind !== "protocol") as Case;
const SETTINGS = { patienceSeconds: 100, pollMilliseconds: 20 };

/**
 * The machine that runs the cases may stall for seconds at any point. A stall must not look like a failure of the
 * engine.
 */
describe("a case that a stall gets in the way of", () => {
  let driver: ClosableDriver;
  beforeAll(async () => {
    driver = await embeddedDriver({ workers: 0 });
  }, 100_000);
  afterAll(() => driver.close());
  const endOf = async (jobId: string): Promise<Job> => {
    for (;;) {
      const job = await driver.job(jobId);
      if (job !== undefined && hasEnded(job)) return job;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  it.each(["res-009", "res-010"])(
    "%s: a revocation that came after what it revokes is made again, more slowly",
    { timeout: 200_000 },
    async (id) => {
      const revoked: string[] = [];
      const stalling: Driver = {
        ...driver,
        async cancel(jobId) {
          revoked.push(jobId);
          if (revoked.length === 1) await endOf(jobId);
          return driver.cancel(jobId);
        },
      };
      expect(await runCase(stalling, caseOf(id), SETTINGS)).toMatchObject({ problems: [], status: "passed" });
      expect(revoked.length).toBeGreaterThan(1);
    },
  );
  it.each(["res-009", "res-010"])(
    "%s: a revocation that came in time and did nothing fails the case",
    { timeout: 200_000 },
    async (id) => {
      const deaf: Driver = { ...driver, cancel: () => Promise.resolve(true) };
      expect(await runCase(deaf, caseOf(id), SETTINGS)).toMatchObject({ status: "failed" });
    },
  );
  it("res-008: a timeout that was over when somebody looked is one", { timeout: 200_000 }, async () => {
    const blind: Driver = { ...driver, job: endOf };
    expect(await runCase(blind, caseOf("res-008"), SETTINGS)).toMatchObject({ problems: [], status: "passed" });
  });
});
