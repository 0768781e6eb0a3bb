import { beforeAll, describe, expect, it } from "vitest";
import { open, sharedServer } from "../browser.ts";
import { ended, endedCanvas, until, waiting } from "../jobs.ts";

const client = sharedServer().client();
let jobId: string;
beforeAll(async () => {
  jobId = await ended(client, "files.archive", { files: 12, fail: [3] });
});

describe("the page of a run", () => {
  it("has input, error, log and what is around it on one screen", async () => {
    const page = await open(`#/runs/${jobId}.0.g.3`);
    await page.getByText("connection reset by storage-3").first().waitFor();
    expect(await page.getByRole("region", { name: "arguments" }).textContent()).toMatch(/3,\s+0,\s+true/);
    expect(await page.getByRole("region", { name: "log" }).textContent()).toContain('the disk is full {"index":3}');
    await page.getByText("member 3 of the group").waitFor();
    await page.getByRole("button", { name: "Retry this run" }).click();
    await page.getByText("In round 1 these would run again").waitFor();
    await page.keyboard.press("Escape");
  });

  it("answers an approval, and the job goes on", async () => {
    const asked = await waiting(client);
    const page = await open(`#/runs/${asked}.0`);
    await page.getByText("It waits for approval go-on").waitFor();
    await page.getByRole("button", { name: "Approve …" }).click();
    await page.getByLabel("Value that the run is given").fill("[1");
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.getByText("This is no JSON").waitFor();
    await page.getByLabel("Value that the run is given").fill("41");
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.getByText("It was answered.").waitFor();
    await until(async () => (await client.job(asked)).state === "success");
    expect((await client.job(asked)).value).toBe(42);
  });

  it("sends the event that a run waits for", async () => {
    const { jobId: deferred } = await client.submitWire({ task: "wait-for", args: ["paid"] });
    await until(async () => (await client.runs(deferred, { status: "deferred" })).items.length > 0);
    const page = await open(`#/runs/${deferred}.0`);
    await page.getByRole("button", { name: "Send the event" }).click();
    await page.getByLabel("Value that every run").fill('"it came"');
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("The event was sent.").waitFor();
    await until(async () => (await client.job(deferred)).value === "it came");
  });

  it("revokes a run, and says so live", async () => {
    const asked = await waiting(client);
    const page = await open(`#/runs/${asked}.0`);
    await page.getByRole("button", { name: "Revoke …" }).click();
    await page.getByRole("button", { name: "Revoke the run" }).click();
    await page.getByText("It was revoked.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByText("It was cancelled").waitFor();
  });

  it("runs again with other input, as a job of its own", async () => {
    const page = await open(`#/runs/${jobId}.0.g.3`);
    await page.getByRole("link", { name: "Run again with other input" }).click();
    const canvas = page.getByRole("textbox", { name: "Canvas" });
    await expect.poll(() => canvas.inputValue()).toContain('"files.digest"');
    await canvas.fill((await canvas.inputValue()).replace("true", "false"));
    await page.getByText("1 task run").waitFor();
    await page.getByRole("button", { name: "Start the job" }).click();
    await page.locator(".title .badge", { hasText: "success" }).waitFor();
  });

  it("shows numbers exactly as they were sent, and 5 MB piece by piece", async () => {
    const numbers = [0.1, 1e21, 9007199254740991, -0.5, 1e-7];
    const { jobId: echo } = await client.submitWire({ task: "noop", args: numbers });
    const page = await open(`#/runs/${echo}.0`);
    const text = await page.getByRole("region", { name: "arguments" }).textContent();
    expect(JSON.parse(text ?? "")).toEqual(numbers);
    const large = await endedCanvas(client, { task: "hostile.א<b>", args: [5_000_000] });
    await page.goto(`${sharedServer().url}/#/runs/${large}.0`);
    await page.getByRole("button", { name: "show more" }).waitFor();
    expect((await page.getByRole("region", { name: "output" }).textContent())?.length).toBeLessThan(21_000);
  });
});
