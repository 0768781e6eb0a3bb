import { beforeAll, describe, expect, it } from "vitest";
import { connect, type Api } from "../deployment.ts";

describe("access", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });

  it.each([
    ["GET", "/jobs"],
    ["POST", "/jobs"],
    ["GET", "/workflows"],
    ["POST", "/workflows/example.sum-of-sums/jobs"],
    ["GET", "/openapi.json"],
    ["GET", "/"],
  ])("%s %s is refused without a signature", async (method, path) => {
    expect((await fetch(`${api.url}${path}`, { method })).status).toBe(403);
  });

  it("/health is open", async () => {
    const answer = await fetch(`${api.url}/health`);
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ status: "ok" })]);
  });

  it("errors are problem details with a code", async () => {
    const answer = await api.fetch("/workflows/no-such-one");
    expect([answer.status, answer.headers.get("content-type"), await answer.json()]).toEqual([
      404,
      expect.stringContaining("application/problem+json"),
      expect.objectContaining({ code: "unknown_workflow" }),
    ]);
  });

  it("the shipped workflows are listed", async () => {
    const names = (await api.client.workflows()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["example.sum-of-sums", "inventory", "e2e.square"]));
  });
});
