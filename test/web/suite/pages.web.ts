import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeProblems, open, settled, sharedServer } from "../browser.ts";
import { ended, until, waiting } from "../jobs.ts";

const HOSTILE_KEY = `<b>א</b>\u202egnp.${"long".repeat(20)}`;
let places: readonly string[];
const held: string[] = [];
beforeAll(async () => {
  const client = sharedServer().client();
  const failed = await ended(client, "files.archive", { files: 60, fail: [3, 4, 7] });
  const asked = await waiting(client);
  await client.putSchedule("nightly", {
    when: { cron: "30 2 * * *" },
    workflow: "example.sum-of-sums",
    fields: { n: 2 },
  });
  const hold = { task: "files.hold", args: [HOSTILE_KEY, 600_000] };
  for (let k = 0; k < 2; k++) held.push((await client.submitWire(hold)).jobId);
  await until(async () => (await client.locks({ key: HOSTILE_KEY })).items[0]?.waiting === 1);
  places = [
    "#/jobs",
    "#/jobs?wrong=1",
    ...["graph", "timeline", "runs", "failures", "results", "events", "plan"].map((tab) => `#/jobs/${failed}/${tab}`),
    `#/jobs/${failed}/graph?open=${failed}.0.g`,
    `#/runs/${failed}.0.g.3`,
    `#/runs/${asked}.0`,
    "#/failures",
    "#/dead-letters",
    "#/queues",
    "#/waits",
    "#/tasks",
    "#/schedules",
    "#/schedules/nightly",
    "#/locks",
    `#/locks?key=${encodeURIComponent(HOSTILE_KEY)}`,
    `#/groups/${failed}.0.g`,
    "#/actions",
    "#/start",
    "#/start?canvas=1",
  ];
}, 120_000);
afterAll(async () => {
  const client = sharedServer().client();
  await client.deleteSchedule("nightly");
  for (const jobId of held) await client.cancel(jobId);
});

describe("every page", () => {
  it.each(["light", "dark"] as const)(
    "has no serious problem that axe finds, in the %s theme",
    async (colorScheme) => {
      const page = await open("", { colorScheme });
      const found: string[] = [];
      for (const place of places) {
        await page.goto(`${sharedServer().url}/${place}`);
        await settled(page);
        found.push(...(await axeProblems(page)).map((problem) => `${place}: ${problem}`));
      }
      expect(found).toEqual([]);
    },
    120_000,
  );

  it("fits on 360 pixels", async () => {
    const page = await open("", { viewport: { width: 360, height: 740 } });
    const wide: string[] = [];
    for (const place of places) {
      await page.goto(`${sharedServer().url}/${place}`);
      await settled(page);
      const over = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
      if (over > 0) wide.push(`${place}: ${over}`);
    }
    expect(wide).toEqual([]);
  }, 120_000);

  it("has a policy that allows nothing inline and nothing from elsewhere", async () => {
    const { url } = sharedServer();
    const policy = (await fetch(url)).headers.get("Content-Security-Policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
    expect((await fetch(url)).headers.get("X-Frame-Options")).toBe("DENY");
  });
});
