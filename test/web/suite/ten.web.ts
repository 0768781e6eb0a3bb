import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open, sharedServer } from "../browser.ts";
import { ended, until, untilJob, waiting } from "../jobs.ts";

/** Ten tasks of an operator who opens the link for the first time. Each begins at the list of jobs. */
const client = sharedServer().client();
const MOST_CLICKS = 3;
const QUEUE = "local.default#worker";

/** What a user does with a mouse. A choice from a list counts as one click, and what the page shows as none. */
class Hand {
  clicks = 0;
  readonly page: Page;
  constructor(page: Page) {
    this.page = page;
  }
  async click(what: Locator): Promise<void> {
    this.clicks++;
    await what.click();
  }
  async choose(what: Locator, value: string): Promise<void> {
    this.clicks++;
    await what.selectOption(value);
  }
  place(name: string): Promise<void> {
    return this.click(this.page.getByRole("navigation", { name: "pages" }).getByRole("link", { name, exact: true }));
  }
  button(name: string | RegExp): Promise<void> {
    return this.click(this.page.getByRole("button", { name, exact: typeof name === "string" }));
  }
  /** Opens a job from the list. */
  job(jobId: string): Promise<void> {
    return this.click(this.page.locator(`.rows a[href="#/jobs/${jobId}"]`));
  }
}
let failed: string;
let slow: string;
let asked: string;
const started: string[] = [];
beforeAll(async () => {
  failed = await ended(client, "files.archive", { files: 12, fail: [3] });
  asked = await waiting(client);
  const key = `ten:${Date.now()}`;
  started.push((await client.submitWire({ task: "files.hold", args: [key, 600_000] })).jobId);
  await until(async () => (await client.locks({ key })).items.length > 0);
  const noop = { task: "noop" };
  slow = (await client.submitWire({ group: [noop, { task: "files.hold", args: [key, 1] }, noop] })).jobId;
  await untilJob(client, slow, ({ counts }) => counts["success"] === 2);
  await until(async () => (await client.runs(slow, { status: "deferred" })).items.length > 0);
  started.push(slow);
  await client.putSchedule("ten-nightly", { when: { cron: "30 2 * * *" }, workflow: "example.sum-of-sums" });
}, 120_000);
afterAll(async () => {
  await client.deleteSchedule("ten-nightly");
  for (const pause of await client.pauses()) await client.resume(pause);
  for (const jobId of [...started, asked]) await client.cancel(jobId);
});
async function within(work: (hand: Hand, page: Page) => Promise<void>): Promise<void> {
  const page = await open("#/jobs");
  await page.locator(".rows .row").first().waitFor();
  const hand = new Hand(page);
  await work(hand, page);
  expect(hand.clicks).toBeGreaterThan(0);
  expect(hand.clicks).toBeLessThanOrEqual(MOST_CLICKS);
}

describe("at most three clicks from the list of jobs", () => {
  it("1 find what failed last night, and retry only that", () =>
    within(async (hand, page) => {
      await hand.place("Failures");
      const kind = page.locator(".kinds li", { hasText: "ECONNRESET" });
      await hand.click(kind.getByRole("button", { name: "Retry these" }));
      await hand.button(/^Retry \d+ runs? of \d+ jobs?$/);
      await page.getByText(/A round has begun in \d+ jobs?/).waitFor();
      expect((await client.job(failed)).round).toBe(1);
    }));

  it("2 why is this job not finished", () =>
    within(async (hand, page) => {
      await hand.job(asked);
      await page.locator(".node", { hasText: "approval go-on" }).locator(".state", { hasText: "waiting" }).waitFor();
    }));

  it("3 what does the slowest member wait for", () =>
    within(async (hand, page) => {
      await page.goto(`${sharedServer().url}/#/jobs?q=${slow}`);
      await hand.job(slow);
      await hand.click(page.getByRole("link", { name: "runs", exact: true }));
      await hand.choose(page.getByLabel("state of runs"), "deferred");
      await page.locator(".rows .row", { hasText: /waits for ten:/ }).waitFor();
    }));

  it("4 answer what waits for me", () =>
    within(async (hand, page) => {
      await hand.place("Waiting");
      await hand.click(page.locator(".row", { hasText: asked }).getByRole("button", { name: "Approve …" }));
      await hand.button("Approve");
      await page.getByText("It was answered.").waitFor();
    }));

  it("5 who holds this lock, and since when", () =>
    within(async (hand, page) => {
      await hand.place("Locks");
      await hand.click(page.getByRole("link", { name: /^ten:/ }));
      await page.getByRole("table", { name: "Holders" }).locator(".row", { hasText: "files.hold" }).first().waitFor();
      await page.getByRole("table", { name: "Waiters" }).locator(".row", { hasText: "files.hold" }).first().waitFor();
    }));

  it("6 stop a queue, because what is behind it is down", () =>
    within(async (hand, page) => {
      await hand.place("Queues");
      await hand.button(`pause queue ${QUEUE}`);
      await hand.button("Pause the queue");
      await page.getByText(/The queue is (paused|pausing)/).waitFor();
      await client.resume({ kind: "queue", name: QUEUE });
    }));

  it("7 run the nightly job now", () =>
    within(async (hand, page) => {
      await hand.place("Schedules");
      await hand.button("fire ten-nightly");
      await hand.button("Fire it");
      await page.getByText("1 job started.").waitFor();
    }));

  it("8 see error, log and input of the run that failed first", () =>
    within(async (hand, page) => {
      const jobId = await ended(client, "files.archive", { files: 5, fail: [1], strict: true });
      await page.goto(`${sharedServer().url}/#/jobs?q=${jobId}`);
      await hand.job(jobId);
      await hand.click(page.getByRole("link", { name: "first failed run" }));
      await page.getByRole("region", { name: "log" }).getByText("the disk is full").waitFor();
      await page.getByRole("region", { name: "arguments" }).waitFor();
      await page.getByRole("region", { name: "message of the error" }).getByText("storage-1").waitFor();
    }));

  it("9 which task fails, and with what", () =>
    within(async (hand, page) => {
      await hand.place("Tasks");
      await hand.click(page.getByRole("row", { name: /files\.digest/ }).getByRole("link", { name: /✕/ }));
      await page
        .locator(".kinds li")
        .first()
        .getByText(/storage-|disk full/)
        .first()
        .waitFor();
    }));

  it("10 start a workflow, and know before what it costs", () =>
    within(async (hand, page) => {
      await hand.place("New job");
      await hand.choose(page.getByLabel("what"), "files.archive");
      await page.getByText(/\$\d/).first().waitFor();
      await hand.button("Start the job");
      await page.waitForURL(/#\/jobs\/\w+/);
    }));
});
