import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, chromium } from "playwright-core";
import type { Client } from "../../functions/client/index.ts";
import { findChromium } from "./browser-path.ts";
import { DevServer, freePort } from "./dev-server.ts";
import { ended, endedCanvas, untilJob, waiting } from "./jobs.ts";

/** Makes the pictures of docs/guide-dashboard.md: `npm run screenshots`. `-- DIR` makes them elsewhere, of each theme and width, and `-- DIR NAME...` some of them. */
const folder = resolve(process.argv[2] ?? join(import.meta.dirname, "../../docs/images"));
const everyLook = process.argv[2] !== undefined;
const names = process.argv.slice(3);
const MOST_BYTES = 150 * 1_024;

interface Picture {
  readonly name: string;
  readonly place: string;
  readonly dark?: true;
  /** Not in the guide. It is only looked at. */
  readonly spare?: true;
}
async function prepare(server: DevServer): Promise<readonly Picture[]> {
  const client = server.client();
  await ended(client, "example.sum-of-sums", { n: 100 });
  await ended(client, "files.archive", { files: 60, fail: [12, 33] });
  const failed = await ended(client, "files.archive", { files: 400, fail: [3, 4, 7, 99, 120, 121], wait: 20 });
  const asked = await waiting(client);
  await client.submitWire({ task: "wait-for", args: ["payment"] });
  for (const wait of [600_000, 600_000, 1])
    await client.submitWire({ task: "files.hold", args: ["index:invoices", wait] });
  await client.submitWire({ task: "noop", options: { rateLimit: { per: 3_600, limit: 10, key: "tenant-7" } } });
  const found = await endedCanvas(client, { task: "files.search", args: ["/data/invoices"] });
  await prepareSchedules(client);
  const { jobId: running } = await client.start("files.archive", { files: 20_000, fail: [5, 6, 7], wait: 20 });
  await untilJob(client, running, ({ counts }) => (counts["success"] ?? 0) > 200);
  return [
    { name: "dashboard-jobs", place: "#/jobs" },
    { name: "dashboard-job", place: `#/jobs/${failed}/graph?open=${failed}.0.g` },
    { name: "dashboard-timeline", place: `#/jobs/${failed}/timeline` },
    { name: "dashboard-job-failures", place: `#/jobs/${failed}/failures` },
    { name: "dashboard-plan", place: `#/jobs/${failed}/plan` },
    { name: "dashboard-run", place: `#/runs/${failed}.0.g.3` },
    { name: "dashboard-approval", place: `#/runs/${asked}.0` },
    { name: "dashboard-shared-run", place: `#/runs/${await sharedBy(client, `${found}.0`)}`, spare: true },
    { name: "dashboard-group", place: `#/groups/${failed}.0.g` },
    { name: "dashboard-waits", place: "#/waits" },
    { name: "dashboard-schedules", place: "#/schedules" },
    { name: "dashboard-schedule", place: "#/schedules/nightly" },
    { name: "dashboard-locks", place: "#/locks" },
    { name: "dashboard-lock", place: "#/locks?key=index:invoices", spare: true },
    { name: "dashboard-tasks", place: "#/tasks" },
    { name: "dashboard-failures", place: "#/failures", dark: true },
    { name: "dashboard-dead-letters", place: "#/dead-letters" },
    { name: "dashboard-queues", place: "#/queues", dark: true },
    { name: "dashboard-new-job", place: "#/start?workflow=files.archive" },
  ];
}

async function prepareSchedules(client: Client): Promise<void> {
  const work = { workflow: "example.sum-of-sums", fields: { n: 10 } };
  await client.putSchedule("nightly", { when: { cron: "30 2 * * *", timeZone: "Europe/Paris" }, ...work });
  await client.putSchedule("tenants", {
    when: { everySeconds: 900 },
    workflow: "files.archive",
    forEach: { field: "label", values: ["acme", "globex"] },
    overlap: "queue",
  });
  await client.putSchedule("month-end", {
    when: { rrule: "FREQ=MONTHLY;BYDAY=-1FR", start: "2026-01-30T17:00", timeZone: "Europe/Paris" },
    canvas: { task: "noop" },
    paused: true,
  });
  for (const name of ["nightly", "tenants"]) await client.triggerSchedule(name);
}
/** The run that this one takes the end of. */
async function sharedBy(client: Client, runId: string): Promise<string> {
  return (await client.run(runId)).adopts?.runId ?? runId;
}

async function take(browser: Browser, server: DevServer, pictures: readonly Picture[], look: Look): Promise<void> {
  for (const { name, place, dark = false, spare = false } of pictures) {
    if ((spare && !everyLook) || (names.length > 0 && !names.includes(name))) continue;
    const colorScheme = (look.theme ?? (dark ? "dark" : "light")) as "dark" | "light";
    const context = await browser.newContext({ viewport: { width: look.width, height: look.height }, colorScheme });
    const page = await context.newPage();
    await page.goto(server.link);
    await page.getByRole("navigation", { name: "pages" }).waitFor();
    await page.goto(`${server.url}/${place}`);
    await page.locator("main h1").first().waitFor();
    // Long enough for a second look at the server, which gives rates and a line to the chart.
    await page.waitForTimeout(name === "dashboard-queues" ? 9_000 : 3_500);
    // A stack names the folders of this machine.
    for (const stack of await page.locator("details[open] summary", { hasText: "stack" }).all()) await stack.click();
    const path = join(folder, `${name}${look.suffix}.png`);
    await page.screenshot({ path });
    const { size } = statSync(path);
    if (!everyLook && size > MOST_BYTES) throw new Error(`${path} has ${size} bytes`);
    process.stdout.write(`${path} ${size}\n`);
    await context.close();
  }
}
interface Look {
  readonly width: number;
  readonly height: number;
  readonly theme?: "dark" | "light";
  readonly suffix: string;
}
const LOOKS: readonly Look[] = everyLook
  ? (["light", "dark"] as const).flatMap((theme) => [
      { width: 1_280, height: 800, theme, suffix: `-wide-${theme}` },
      { width: 360, height: 740, theme, suffix: `-narrow-${theme}` },
    ])
  : [{ width: 1_100, height: 640, suffix: "" }];

const executablePath = findChromium();
if (executablePath === undefined) throw new Error("no Chromium here: install it, or name one in CHROMIUM");
mkdirSync(folder, { recursive: true });
const server = new DevServer(mkdtempSync(join(tmpdir(), "fanfold-web-")), await freePort());
try {
  await server.start();
  const pictures = await prepare(server);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  for (const look of LOOKS) await take(browser, server, pictures, look);
  await browser.close();
} finally {
  await server.kill();
  rmSync(server.data, { recursive: true, force: true });
}
