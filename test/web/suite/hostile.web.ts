import { describe, expect, it } from "vitest";
import { open, settled, sharedServer } from "../browser.ts";
import { endedCanvas, until } from "../jobs.ts";

const client = sharedServer().client();
describe("text from tasks", () => {
  it("is never markup, and hides nothing", async () => {
    const jobId = await endedCanvas(client, {
      group: [
        { task: "hostile.א<b>", args: [0] },
        { task: "hostile.א<b>", args: [50] },
      ],
      options: { policy: "settled" },
    });
    const key = "<b>א</b>\u202egnp.exe";
    const held = await client.submitWire({ task: "files.hold", args: [key, 60_000] });
    const asked = await client.submitWire({ chain: [{ approval: { name: "<b>א</b>\u202egnp" } }, { task: "noop" }] });
    await until(async () => (await client.locks({ key })).items.length > 0);
    await until(async () => (await client.runs(asked.jobId, { status: "waiting" })).items.length > 0);
    const page = await open("#/jobs");
    for (const place of [
      "#/jobs",
      `#/jobs/${jobId}`,
      `#/jobs/${jobId}/runs`,
      `#/jobs/${jobId}/failures`,
      `#/jobs/${jobId}/results`,
      `#/jobs/${jobId}/events`,
      `#/jobs/${jobId}/timeline`,
      `#/runs/${jobId}.0.g.0`,
      `#/runs/${jobId}.0.g.1`,
      `#/groups/${jobId}`,
      "#/failures",
      "#/tasks",
      "#/locks",
      `#/locks?key=${encodeURIComponent(key)}`,
      "#/waits",
      `#/runs/${asked.jobId}.0`,
    ]) {
      await page.goto(`${sharedServer().url}/${place}`);
      await settled(page);
      const text = (await page.locator("main").textContent()) ?? "";
      const markup = await page.locator("main img, main script, main i, main b").count();
      const hidden = ["\u0000", "\u202e", "\u001b"].filter((character) => text.includes(character));
      expect([place, markup, hidden, (await page.title()).includes("owned")]).toEqual([place, 0, [], false]);
    }
    for (const each of [held, asked]) await client.cancel(each.jobId);
    await page.goto(`${sharedServer().url}/#/runs/${jobId}.0.g.0`);
    await page.getByText("\\u202egnp.exe\\u0000").first().waitFor();
  });
});
