import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { open, sharedServer } from "../browser.ts";

const client = sharedServer().client();
const MEMBERS = 100_000;
const MOST_BYTES = 200 * 1_024;

describe("a job of 100,000 members", () => {
  it("is opened, looked at and cancelled while it runs", async () => {
    const page = await open("#/jobs");
    const { jobId } = await client.start("files.archive", { files: MEMBERS, wait: 5 });
    await page.goto(`${sharedServer().url}/#/jobs/${jobId}`);
    const fold = page.locator(".node.fold", { hasText: "100,000 members" });
    await fold.click();
    await page.locator(".members .rows .row").first().waitFor();
    // What is on the page does not grow with the job.
    expect(await page.locator("main *").count()).toBeLessThan(1_500);
    await page.getByRole("button", { name: "Cancel …" }).click();
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.getByText("The job is being cancelled.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.locator(".title .badge", { hasText: "cancelled" }).first().waitFor();
  }, 120_000);
});

describe("the page as a whole", () => {
  it("is under 200 KB, compressed", () => {
    const folder = resolve(import.meta.dirname, "../../../web/dist");
    const bytes = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "sources.txt")
      .reduce((sum, { parentPath, name }) => sum + gzipSync(readFileSync(join(parentPath, name))).length, 0);
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(MOST_BYTES);
  });
});
