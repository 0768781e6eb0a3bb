import { describe, expect, it } from "vitest";
import { open, sharedServer } from "../browser.ts";
import { ended } from "../jobs.ts";

const client = sharedServer().client();
describe("the page of failures", () => {
  it("groups by task and error, and retries one group in all jobs after a dry run", async () => {
    const jobs = [
      await ended(client, "files.archive", { files: 30, fail: [21, 22] }),
      await ended(client, "files.archive", { files: 30, fail: [24] }),
    ];
    const page = await open("#/failures?task=files.digest&reason=ENOSPC");
    const kind = page.locator(".kinds li");
    await kind.first().waitFor();
    expect(await kind.count()).toBe(1);
    await kind.getByRole("button", { name: "Retry these" }).click();
    await page.getByText(/failed runs of \d+ jobs would run again/).waitFor();
    await page.getByRole("button", { name: /^Retry \d+ runs of \d+ jobs$/ }).click();
    await page.getByText(/A round has begun in \d+ jobs/).waitFor();
    for (const job of jobs) expect((await client.job(job)).round).toBe(1);
  });
});
describe("the page of dead letters", () => {
  it("says that there are none", async () => {
    const page = await open("#/dead-letters");
    await page.getByText("There is no dead letter.").waitFor();
  });
});
describe("the page of queues", () => {
  it("shows queues and workers, and draws what it has seen", async () => {
    await ended(client, "example.sum-of-sums", { n: 2 });
    const page = await open("#/queues");
    await page
      .getByRole("row", { name: /worker/ })
      .first()
      .waitFor();
    await page.locator(".chart canvas").waitFor();
    await page.getByText("1 of 1 ready").waitFor();
  });
  it("S098 shows what waits for a queue beside what is in it", async () => {
    const { jobId } = await client.start("files.gathering", { files: 37 });
    const page = await open("#/queues");
    const row = page.getByRole("region", { name: "queues" }).getByRole("row", { name: /default#worker/ });
    await row.getByRole("cell", { name: "37", exact: true }).waitFor();
    await client.cancel(jobId);
  });
});
