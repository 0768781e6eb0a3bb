import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../browser.ts";
import { DevServer, freePort } from "../dev-server.ts";

let server: DevServer;
beforeAll(async () => {
  server = new DevServer(mkdtempSync(join(tmpdir(), "fanfold-web-")), await freePort());
  await server.start();
});
afterAll(async () => {
  await server.kill();
  rmSync(server.data, { recursive: true, force: true });
});

describe("a server that is killed and started again", () => {
  it("is said on every tab, and both go on by themselves", async () => {
    const context = await newContext();
    const pages = [await context.newPage(), await context.newPage()];
    for (const page of pages) await page.goto(server.link);
    for (const page of pages) await page.getByText("There is no job yet.").waitFor();
    expect(await pages[0]?.locator(".command code").textContent()).toContain("submit example.sum-of-sums");
    await server.kill();
    for (const page of pages) await page.getByText("The server does not answer").waitFor();
    await server.start();
    for (const page of pages) await page.getByText("The server does not answer").waitFor({ state: "detached" });
    const { jobId } = await server.client().start("example.sum-of-sums", { n: 2 });
    for (const page of pages) await page.locator(".rows").getByText(jobId).waitFor();
  }, 90_000);
});
