import { afterAll, describe, expect, it } from "vitest";
import { open, sharedServer } from "../browser.ts";
import { ended, until, waiting } from "../jobs.ts";

const client = sharedServer().client();
afterAll(async () => {
  for (const { name } of (await client.schedules()).items) await client.deleteSchedule(name);
  for (const pause of await client.pauses()) await client.resume(pause);
});

describe("the page of what waits for a person", () => {
  it("lists approvals and events of all jobs, and answers them in place", async () => {
    const asked = await waiting(client);
    const { jobId: deferred } = await client.submitWire({ task: "wait-for", args: ["paid"] });
    await until(async () => (await client.runs(deferred, { status: "deferred" })).items.length > 0);
    const page = await open("#/waits");
    const approval = page.locator(".row", { hasText: asked });
    const event = page.locator(".row", { hasText: deferred });
    await approval.getByRole("button", { name: "Approve …" }).click();
    await page.getByLabel("Value that the run is given").fill("41");
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.getByText("It was answered.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await approval.waitFor({ state: "detached" });
    expect(await event.textContent()).toMatch(/paid.*event.*wait-for.*Send …/s);
    await event.getByRole("button", { name: "Send …" }).click();
    await page.getByLabel("Value that every run").fill("7");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("The event was sent.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await event.waitFor({ state: "detached" });
    await until(async () => (await client.job(asked)).value === 42 && (await client.job(deferred)).value === 7);
  });

  it("filters by kind and text in the address, and rejects", async () => {
    const asked = await waiting(client);
    const page = await open(`#/waits?q=${asked}`);
    await page.getByLabel("kind").selectOption("event");
    await page.getByText("Nothing that waits matches.").or(page.getByText("Nothing waits for a person.")).waitFor();
    expect(page.url()).toContain("of=event");
    await page.getByLabel("kind").selectOption("approval");
    await page.getByRole("button", { name: "Reject …" }).click();
    await page.getByLabel("Why?").fill("not today");
    await page.getByRole("button", { name: "Reject", exact: true }).click();
    await page.getByText("It was answered.").waitFor();
    await until(async () => (await client.job(asked)).error?.message === "not today");
  });
});

describe("the page of schedules", () => {
  it("says how to put one; then fires, pauses, resumes and deletes it", async () => {
    const page = await open("#/schedules");
    await page.getByText("There is no schedule.").waitFor();
    expect(await page.locator(".command code").textContent()).toContain("schedules put nightly");
    await client.putSchedule("nightly", {
      when: { cron: "30 2 * * *" },
      workflow: "example.sum-of-sums",
      fields: { n: 2 },
    });
    await page.reload();
    const row = page.locator(".rows .row", { hasText: "nightly" });
    expect(await row.textContent()).toMatch(/active.*example\.sum-of-sums.*30 2 \* \* \* UTC.*02:30:00.*–.*skip/s);
    await page.getByRole("button", { name: "pause nightly" }).click();
    await page.getByRole("button", { name: "Pause the schedule" }).click();
    await page.getByText("The schedule is paused.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "resume nightly" }).waitFor();
    await page.getByRole("link", { name: "paused" }).click();
    await page.getByText("It is paused: times that come do not fire.").waitFor();
    await page.getByRole("button", { name: "Fire now …" }).click();
    await page.getByRole("button", { name: "Fire it" }).click();
    await page.getByText("1 job started.").waitFor();
    const jobId = (await page.getByRole("dialog").locator("li a").textContent()) ?? "";
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator(".pane", { hasText: "Last jobs" }).getByText(jobId).waitFor();
    expect((await client.job(jobId)).schedule?.name).toBe("nightly");
    await page.getByRole("button", { name: "Resume …" }).click();
    await page.getByRole("button", { name: "Resume the schedule" }).click();
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator(".title .badge", { hasText: "active" }).waitFor();
    await page.getByRole("button", { name: "Delete …" }).click();
    await page.getByRole("button", { name: "Delete the schedule" }).click();
    await page.getByText("The schedule is deleted.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByText("There is no such schedule.").waitFor();
  });
});

describe("the page of locks", () => {
  it("shows who holds a key and who waits for it, and leads to the runs", async () => {
    const key = `index:${Date.now()}`;
    const hold = { task: "files.hold", args: [key, 60_000] };
    const jobs = [await client.submitWire(hold), await client.submitWire(hold)].map(({ jobId }) => jobId);
    await until(async () => (await client.locks({ key })).items[0]?.waiting === 1);
    const page = await open("#/locks");
    const row = page.locator(".rows .row", { hasText: key });
    expect(await row.textContent()).toMatch(/lock.*1.*1.*files\.hold/s);
    await row.getByRole("link", { name: key }).click();
    await page.waitForURL(/locks\?key=/);
    const ids = await page.locator(".members .code").allTextContents();
    expect(ids.toSorted()).toEqual(jobs.map((jobId) => `${jobId}.0`).toSorted());
    await page.getByRole("table", { name: "Waiters" }).locator("[data-row='0']").click();
    await page.getByText(`waits for lock ${key}`).waitFor();
    for (const jobId of jobs) await client.cancel(jobId);
    await page.goto(`${sharedServer().url}/#/locks?key=nobody`);
    await page.getByText("Nobody holds this key, or waits for it.").waitFor();
  });
});

describe("pauses", () => {
  it("queues, sites and tasks are paused and resumed where they are shown", async () => {
    await ended(client, "example.sum-of-sums", { n: 2 });
    for (const { place, kind, name } of [
      { place: "queues", kind: "queue", name: "local.default#worker" },
      { place: "queues", kind: "site", name: "local" },
      { place: "tasks", kind: "task", name: "math.sum" },
    ] as const) {
      const page = await open(`#/${place}`);
      await page.getByRole("button", { name: `pause ${kind} ${name}` }).click();
      await page.getByRole("button", { name: `Pause the ${kind}` }).click();
      await page.getByText(new RegExp(`The ${kind} is (paused|pausing)`)).waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      await page.getByRole("button", { name: `resume ${kind} ${name}` }).waitFor();
      expect(await client.pauses()).toMatchObject([{ kind, name }]);
      await page.getByRole("button", { name: `resume ${kind} ${name}` }).click();
      await page.getByRole("button", { name: `Resume the ${kind}` }).click();
      await page.getByText(`The ${kind} goes on.`).waitFor();
      await until(async () => (await client.pauses()).length === 0);
    }
  });

  it("all jobs of the filter are paused and resumed", async () => {
    const jobs = [await waiting(client), await waiting(client)];
    const page = await open("#/jobs?state=started");
    await page.getByRole("button", { name: "Pause all of these" }).click();
    await page.getByText(/jobs? would be paused/).waitFor();
    await page.getByRole("button", { name: /^Pause \d+ jobs?$/ }).click();
    await page.getByText(/jobs? done, 0 jobs left/).waitFor();
    for (const jobId of jobs) expect((await client.job(jobId)).state).toMatch(/paus/);
    await page.goto(`${sharedServer().url}/#/jobs`);
    await page.getByRole("button", { name: "Resume all of these" }).click();
    await page.getByText(/jobs? would go on/).waitFor();
    await page.getByRole("button", { name: /^Resume \d+ jobs?$/ }).click();
    await page.getByText(/jobs? done, 0 jobs left/).waitFor();
    for (const jobId of jobs) {
      expect((await client.job(jobId)).state).toBe("started");
      await client.cancel(jobId);
    }
  });
});

describe("the page of tasks", () => {
  it("S137 shows runs by state, rate, mean duration and the share that ended well", async () => {
    await ended(client, "files.archive", { files: 4, fail: [3] });
    const page = await open("#/tasks?q=files.digest");
    const row = page.getByRole("region", { name: "tasks" }).getByRole("row", { name: /files\.digest/ });
    await row.getByRole("link", { name: /✕/ }).waitFor();
    expect(await row.textContent()).toMatch(/\/s.*(ms|s).*%/);
    await page.getByLabel("time").selectOption("recent");
    expect(page.url()).toContain("span=recent");
    await row.getByRole("link", { name: /✕/ }).click();
    await page.waitForURL(/failures\?task=files\.digest/);
    await page.goto(`${sharedServer().url}/#/tasks?q=nothing`);
    await page.getByText("No task matches.").waitFor();
  });
});

describe("the page of a group", () => {
  it("has state, members, counts, what follows and the first error, and retries what failed in it", async () => {
    const jobId = await ended(client, "files.archive", { files: 12, fail: [3] });
    const page = await open(`#/runs/${jobId}.0.g.3`);
    await page
      .getByRole("link", { name: `${jobId}.0.g`, exact: true })
      .first()
      .click();
    await page.getByRole("heading", { name: "Group" }).waitFor();
    const facts = (await page.locator(".facts").textContent()) ?? "";
    expect(facts).toMatch(/members12.*left0.*failed1.*policysettled.*can be read until/);
    await page.getByRole("link", { name: `${jobId}.0~1` }).waitFor();
    await page.getByText("connection reset by storage-3").first().waitFor();
    expect(await page.locator(".members .rows .row").count()).toBe(12);
    await page.getByRole("button", { name: "Retry what failed in it" }).click();
    await page.getByRole("button", { name: "Retry 1 run" }).click();
    await page.getByText("Round 1 has begun.").waitFor();
    await page.goto(`${sharedServer().url}/#/groups/${jobId}.7.g`);
    await page.getByRole("link", { name: "to its job" }).waitFor();
  });
});

describe("the page of a run that jobs share", () => {
  it("says why it ran, and leads to its dependencies both ways", async () => {
    const { jobId } = await client.submitWire({ task: "files.search", args: [`/data/${Date.now()}`] });
    await until(async () => (await client.job(jobId)).state === "success");
    const page = await open(`#/runs/${jobId}.0`);
    const around = page.locator(".around");
    await around.getByText("no code of its own: it waits for").waitFor();
    await around.getByRole("link").first().click();
    await around.getByText("nobody had asked for it before").waitFor();
    await around.getByText("It depends on").waitFor();
    await around.locator("li", { hasText: "It depends on" }).getByRole("link").click();
    await around.getByText("depends on it.").waitFor();
  });
});
