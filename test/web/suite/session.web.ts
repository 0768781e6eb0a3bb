import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { newContext, open, sharedServer } from "../browser.ts";

describe("the session", () => {
  it("takes the token out of the address at once, and gives it to other tabs", async () => {
    const server = sharedServer();
    const page = await open();
    expect(page.url()).toBe(`${server.url}/#/jobs`);
    const tab = await page.context().newPage();
    await tab.goto(`${server.url}/#/failures`);
    await tab.getByRole("heading", { name: "Failures" }).waitFor();
    expect(await tab.getByText("no token that the server knows").count()).toBe(0);
  });
  it("says how to sign in to who has no link", async () => {
    const page = await (await newContext()).newPage();
    await page.goto(sharedServer().url);
    await page.getByText("no token that the server knows").waitFor();
    expect(await page.locator(".command code").textContent()).toBe("npm run fanfold -- dashboard");
  });
  it("is given to no page of another name, because the files are not served to it", async () => {
    const { port } = sharedServer();
    const status = await new Promise((resolve, reject) => {
      const headers = { Host: `evil.example:${port}` };
      request({ port, host: "127.0.0.1", path: "/", headers }, ({ statusCode }) => resolve(statusCode))
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });
});
