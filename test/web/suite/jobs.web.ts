import { beforeAll, describe, expect, it } from "vitest";
import { open, sharedServer } from "../browser.ts";
import { ended, endedCanvas, waiting } from "../jobs.ts";

const client = sharedServer().client();
let good: string;
let bad: string;
beforeAll(async () => {
  good = await ended(client, "example.sum-of-sums", { n: 3 });
  bad = await ended(client, "files.archive", { files: 30, fail: [5, 7] });
});

describe("the list of jobs", () => {
  it("filters by what is wrong, by state, workflow and text; the address has all of it", async () => {
    const page = await open("#/jobs");
    const rows = page.locator(".rows .row");
    await page.locator(".rows").getByText(good).waitFor();
    await page.getByRole("button", { name: "only what is wrong" }).click();
    await page.getByText(good).waitFor({ state: "detached" });
    expect(page.url()).toContain("wrong=1");
    await page.getByLabel("workflow", { exact: true }).selectOption("files.archive");
    // By id, because other files of the suite make jobs that fail in the same way.
    await page.getByLabel("id, workflow or error").fill(bad);
    await expect.poll(() => rows.count()).toBe(1);
    await page.reload();
    await expect.poll(() => rows.count()).toBe(1);
    expect(await rows.first().textContent()).toMatch(/failure.*files\.archive.*storage-.*31 of 31/s);
    await page.getByLabel("id, workflow or error").fill("no such job");
    await page.getByText("No job matches.").waitFor();
  });

  it("shows a new job without a reload, and follows it", async () => {
    const page = await open("#/jobs");
    await page.locator(".rows").waitFor();
    const jobId = await waiting(client);
    await page.locator(".rows").getByText(jobId).waitFor();
    await client.cancel(jobId);
    const row = page.locator(".row", { hasText: jobId });
    await row.locator(".badge", { hasText: "cancelled" }).waitFor();
  });

  it("answers to the keyboard alone", async () => {
    const page = await open("#/jobs");
    await page.locator("[data-row='1']").waitFor();
    await page.keyboard.press("/");
    expect(await page.evaluate("document.activeElement?.getAttribute('type')")).toBe("search");
    await page.locator("h1").click();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await page.evaluate("document.activeElement?.getAttribute('data-row')")).toBe("1");
    await page.keyboard.press("Enter");
    await page.waitForURL(/#\/jobs\/\w+$/);
    await page.getByRole("link", { name: "events" }).waitFor();
    await page.keyboard.press("3");
    await page.waitForURL(/\/runs$/);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("retries all that the filter shows, says before how many, and after what happened to each", async () => {
    const page = await open(`#/jobs?q=${bad}`);
    await page.getByRole("button", { name: "Retry all of these" }).click();
    await page.getByText("2 failed runs of 1 job would run again").waitFor();
    expect((await client.job(bad)).round).toBe(0);
    await page.getByRole("button", { name: "Retry 2 runs of 1 job" }).click();
    await page.getByText("1 job done, 0 jobs left").waitFor();
    await page.getByRole("link", { name: "Look at each" }).click();
    await page.getByRole("heading", { name: "Retry: 1 done" }).waitFor();
    expect((await client.job(bad)).round).toBe(1);
  });

  it("cancels all that the filter shows", async () => {
    const jobs = [await waiting(client), await waiting(client)];
    const page = await open("#/jobs?state=started");
    await page
      .locator(".rows")
      .getByText(jobs[1] as string)
      .waitFor();
    await page.getByRole("button", { name: "Cancel all of these" }).click();
    await page.getByText("would be cancelled").waitFor();
    await page.getByRole("button", { name: /^Cancel \d+ jobs?$/ }).click();
    await page.getByText(/jobs? done, 0 jobs left/).waitFor();
    await expect.poll(async () => (await client.job(jobs[0] as string)).state).toBe("cancelled");
  });

  it("finds jobs by stamp", async () => {
    const jobId = await endedCanvas(client, {
      task: "noop",
      options: { team: "blue", stamped_headers: ["team"] },
    });
    const page = await open("#/jobs?stamp=team:blue");
    await page.locator(".rows").getByText(jobId).waitFor();
    expect(await page.locator(".rows .row").count()).toBe(1);
  });
});
