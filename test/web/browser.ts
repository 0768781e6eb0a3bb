import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, expect, inject } from "vitest";
import { findChromium } from "./browser-path.ts";
import { DevServer } from "./dev-server.ts";

export function sharedServer(): DevServer {
  return new DevServer(inject("data"), inject("port"));
}

let browser: Browser | undefined;
const contexts: BrowserContext[] = [];
/** What a page did that it must not: errors of its scripts, refusals of its policy, requests to elsewhere. */
const misdeeds: string[] = [];
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  const found = misdeeds.splice(0);
  if (found.length > 0) throw new Error(`the page did what it must not: ${found.join("; ")}`);
});
afterAll(() => browser?.close());

async function launch(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("no Chromium here: install it, or name one in CHROMIUM");
  // Without a sandbox it runs as root, which containers of a CI are.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
export async function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  browser ??= await launch();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  contexts.push(context);
  return context;
}
/** Opens the page by its link, and then a place of it. Every misdeed fails the test. */
export async function open(place = "", options: BrowserContextOptions = {}): Promise<Page> {
  const server = sharedServer();
  const page = await (await newContext(options)).newPage();
  watch(page, server.url);
  await page.goto(server.link);
  await page.getByRole("navigation", { name: "pages" }).waitFor();
  if (place !== "") await page.goto(`${server.url}/${place}`);
  return page;
}
/** Waits until the page has read what it shows. */
export async function settled(page: Page): Promise<void> {
  await page.locator("main h1").first().waitFor();
  await expect.poll(() => page.locator(".loading").count(), { timeout: 20_000 }).toBe(0);
}
function watch(page: Page, own: string): void {
  page.on("pageerror", (error) => misdeeds.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) misdeeds.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${own}/`) && !request.url().startsWith("blob:")) misdeeds.push(request.url());
  });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
interface Violation {
  readonly id: string;
  readonly impact?: string | null;
  readonly nodes: readonly { readonly html: string }[];
}
/** Returns the serious problems of accessibility that axe finds. */
export async function axeProblems(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const violations = (await page.evaluate("axe.run().then(({ violations }) => violations)")) as Violation[];
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}
