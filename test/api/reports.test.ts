import { describe, expect, it } from "vitest";
import type { Report } from "../../functions/client/index.ts";
import { definePathTask, expandPaths, StreamTaskResults } from "../../functions/paths/index.ts";
import { group } from "../../functions/sdk/index.ts";
import { startApi } from "./api.ts";

const moves = definePathTask({
  name: "moves",
  acceptsStreaming: true,
  run: async (ctx, { jobid, paths }) => {
    const status = new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId, { flushItems: 2 });
    for await (const { path } of expandPaths(paths))
      await status.add(path === "/1" ? "failures" : "processed", path, path === "/1" ? { message: "locked" } : {});
    return status.dump();
  },
});
const paths = ["/0", "/1", "/2"].map((path) => ({ path }));

async function ended() {
  const api = startApi({ tasks: [moves] });
  const members = [0, 1].map(() => moves.s({ paths, stream_results: true }));
  const { jobId } = await api.client.submitWire(group(members).toJSON());
  await api.local.untilQuiet();
  return { api, jobId };
}

describe("GET /jobs/{id}/reports", () => {
  it("GET /jobs/{id}/reports pages through what the tasks of a job have streamed, run by run", async () => {
    const { api, jobId } = await ended();
    const found: Report[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await api.client.reports(jobId, { limit: 2, ...(cursor !== undefined && { cursor }) });
      expect(page.items.length).toBeLessThanOrEqual(2);
      found.push(...page.items);
      cursor = page.cursor;
    }
    const runIds = [...new Set(found.map(({ runId }) => runId))];
    expect(runIds.toSorted()).toEqual([`${jobId}.0.g.0`, `${jobId}.0.g.1`]);
    for (const runId of runIds)
      expect(found.filter((each) => each.runId === runId)).toEqual([
        { runId, position: 0, state: "processed", item: { path: "/0" } },
        { runId, position: 1, state: "failures", item: { path: "/1", message: ["locked"] } },
        { runId, position: 2, state: "processed", item: { path: "/2" } },
      ]);
  });
  it("GET /jobs/{id}/reports?run shows those of one run, and refuses other ids and cursors", async () => {
    const { api, jobId } = await ended();
    const runId = `${jobId}.0.g.1`;
    expect((await api.client.reports(jobId, { run: runId })).items.map((each) => each.runId)).toEqual(
      Array.from({ length: 3 }, () => runId),
    );
    const codeOf = async (query: string) => {
      const response = await api.ask("GET", `/jobs/${jobId}/reports?${query}`);
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    expect(await codeOf("run=other.0")).toEqual([400, "invalid_request"]);
    expect(await codeOf(`run=${jobId}.7`)).toEqual([404, "run_not_found"]);
    expect(await codeOf("cursor=other.0!1.0")).toEqual([400, "invalid_request"]);
    expect(await codeOf(`run=${runId}&cursor=${jobId}.0.g.0!1.0`)).toEqual([400, "invalid_request"]);
    expect((await api.ask("GET", "/jobs/nope/reports")).status).toBe(404);
  });
});
