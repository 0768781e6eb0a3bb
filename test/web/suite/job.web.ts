import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { open, sharedServer } from "../browser.ts";
import { ended, untilJob } from "../jobs.ts";

const client = sharedServer().client();
const MEMBERS = 250;
let jobId: string;
beforeAll(async () => {
  jobId = await ended(client, "files.archive", { files: MEMBERS, fail: [3, 5, 7, 4] });
}, 120_000);

describe("the page of a job", () => {
  it("draws a big group as one node, and lists its members page by page", async () => {
    const page = await open(`#/jobs/${jobId}`);
    const fold = page.getByRole("button", {
      name: new RegExp(`^${MEMBERS} members .* ${MEMBERS - 4} success, 4 error`),
    });
    await fold.click();
    const members = page.getByRole("table", { name: "Members" });
    await members.waitFor();
    expect(Number(await members.getAttribute("aria-rowcount"))).toBe(101);
    await page.locator(".members [data-row='0']").focus();
    await page.keyboard.press("End");
    await expect.poll(() => members.getAttribute("aria-rowcount")).toBe("201");
    expect(await page.locator(".members .rows .row").count()).toBeLessThan(80);
    await page.getByRole("button", { name: "only errors" }).click();
    await expect.poll(() => members.getAttribute("aria-rowcount")).toBe("5");
  });

  it("moves and zooms the graph by keys, and saves it", async () => {
    const page = await open(`#/jobs/${jobId}`);
    const drawing = page.locator(".graph svg > g");
    await drawing.waitFor();
    const before = await drawing.getAttribute("transform");
    await page.locator(".graph .canvas").focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("+");
    await expect.poll(() => drawing.getAttribute("transform")).not.toBe(before);
    for (const [button, begins] of [
      ["SVG", "<svg"],
      ["DOT", "digraph"],
      ["Mermaid", "flowchart"],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: button, exact: true }).click(),
      ]);
      expect(
        readFileSync(await download.path(), "utf8")
          .trim()
          .startsWith(begins),
      ).toBe(true);
    }
    await page.getByRole("button", { name: "only what failed" }).click();
    await expect.poll(() => page.locator(".graph .node").count()).toBe(1);
  });

  it("shows results, events, the timeline, and the plan beside what it took", async () => {
    const page = await open(`#/jobs/${jobId}/results`);
    await page.getByRole("region", { name: "value" }).getByText('"failed": 4').waitFor();
    await page.getByRole("link", { name: "events" }).click();
    await expect.poll(() => page.locator(".rows .row").count()).toBeGreaterThan(5);
    await page.getByRole("link", { name: "timeline" }).click();
    await page.locator(".gantt .span").first().waitFor();
    await page.getByRole("link", { name: "plan" }).click();
    const runs = page.getByRole("row", { name: "task runs" });
    await runs.waitFor();
    expect(await runs.textContent()).toBe("task runs251251");
  });

  it("retries one kind of failure, after a dry run", async () => {
    const page = await open(`#/jobs/${jobId}/failures`);
    const kind = page.locator(".kinds li", { hasText: "ECONNRESET" });
    expect(await kind.textContent()).toMatch(/✕ 3/);
    await kind.getByRole("button", { name: "Retry these" }).click();
    await page.getByText("In round 1 these would run again").waitFor();
    expect((await client.job(jobId)).round).toBe(0);
    await page.getByRole("button", { name: "Retry 3 runs" }).click();
    await page.getByText("Round 1 has begun").waitFor();
    await untilJob(client, jobId, ({ round, countsExact }) => round === 1 && countsExact);
    await page.getByRole("button", { name: "Close" }).click();
  });

  it("says that there is no such job", async () => {
    const page = await open("#/jobs/01AAAAAAAAAAAAAAAAAAAAAAAA");
    await page.getByText("There is no such job").waitFor();
  });
});
