import { describe, expect, it } from "vitest";
import { queueThreads } from "../../functions/embedded/runtime-settings.ts";
import { queueShares } from "../../functions/embedded/queue-shares.ts";
import { defineConfig } from "../../functions/sdk/config.ts";

const config = defineConfig({
  site: "london",
  concurrency: 64,
  jobTimeoutDays: 30,
  retentionDays: 7,
  sites: [
    { name: "london", threads: 20, queues: [{ name: "video", threads: 2, weight: 3 }, { name: "mail" }] },
    { name: "paris" },
  ],
});

describe("the share of a queue", () => {
  it.each([
    ["its own threads", "london.video#worker", 2, 3],
    ["else those of its site", "london.mail#worker", 20, 1],
    ["also when the configuration does not name it", "london.adhoc#worker", 20, 1],
    ["else 10", "paris.default#worker", 10, 1],
    ["else 10 on a site that is not configured", "constructor.default#worker", 10, 1],
  ])("is %s", (_what, queue, threads, weight) => {
    const shares = queueShares(queueThreads(config));
    expect([shares.threadsOf(queue), shares.weightOf(queue)]).toEqual([threads, weight]);
  });

  it("is 10 threads without a configuration", () => expect(queueShares().threadsOf("local.default#worker")).toBe(10));
});
