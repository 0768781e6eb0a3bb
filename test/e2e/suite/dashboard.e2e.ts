import { expect, it } from "vitest";
import { start } from "../../cli/cli.ts";
import { connect, REGION } from "../deployment.ts";

/** The keys that the emulator takes. */
const KEYS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_PROFILE: undefined };

it("the dashboard of a deployment is a page on this machine whose calls are signed", { timeout: 300_000 }, async () => {
  const { url, client } = await connect();
  const args = ["dashboard", "--url", url, "--region", REGION, "--port", "0", "--json"];
  const page = start(args, undefined, { variables: KEYS });
  const line = await page.line("stdout", (text) => text.startsWith("{"));
  const [origin = "", token = ""] = (JSON.parse(line) as { link: string }).link.split("/#token=");
  const ask = (path: string, headers = {}) => fetch(`${origin}${path}`, { headers });

  const index = await ask("/");
  const text = await index.text();
  expect([index.status, index.headers.get("Content-Security-Policy")]).toEqual([
    200,
    expect.stringContaining("default-src 'none'"),
  ]);
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(text)?.[1] ?? "";
  expect((await ask(script)).headers.get("Content-Type")).toContain("javascript");

  expect((await ask("/jobs")).status).toBe(401);
  const { jobId } = await client.submitWire({ chain: [{ approval: { name: "go-on" } }, { task: "noop" }] });
  const signed = { Authorization: `Bearer ${token}` };
  const job = await ask(`/jobs/${jobId}`, signed);
  expect([job.status, await job.json()]).toEqual([200, expect.objectContaining({ jobId })]);
  await expect
    .poll(async () => (await (await ask("/waits?limit=500", signed)).json()) as unknown, { timeout: 60_000 })
    .toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ of: "approval", jobId })]) as unknown[],
    });
  // A cursor of nobody's making is for the table to judge. It breaks nothing.
  expect((await ask("/waits?cursor=0.%257B%257D", signed)).status).toBeLessThan(500);
  await client.cancel(jobId);
  page.child.kill("SIGINT");
  await page.ended;
});
