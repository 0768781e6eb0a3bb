import { describe, expect, it } from "vitest";
import { defineTask, group } from "../../functions/sdk/index.ts";
import { startApi } from "./api.ts";

const paid = defineTask({
  name: "paid",
  run: async (ctx, _order: number) => ctx.waitForEvent("payment", { timeoutSeconds: 3_600 }),
});
async function startAll() {
  const api = startApi({ tasks: [paid] });
  const approval = await api.client.submitWire({
    chain: [{ approval: { name: "go-on", expires: 60 } }, { task: "noop", args: [] }],
  });
  const event = await api.client.submitWire({ chain: [{ event: { name: "shipped" } }, { task: "noop", args: [] }] });
  const three = await api.client.submitWire(group([paid.s(1), paid.s(2), paid.s(3)]).toJSON());
  const lone = await api.client.submitWire(paid.s(4).toJSON());
  for (let turn = 0; turn < 12; turn++) await api.local.turn();
  return { api, jobs: { approval, event, three, lone } };
}
const order = (a: { jobId: string }, b: { jobId: string }): number => (a.jobId < b.jobId ? -1 : 1);

describe("GET /waits", () => {
  it("lists approvals and events of all jobs, of canvases and of tasks, and counts runs of one group together", async () => {
    const { api, jobs } = await startAll();
    const { items, cursor } = await api.client.waits();
    expect(cursor).toBeUndefined();
    const at = expect.any(Number) as number;
    expect(items.toSorted(order)).toEqual(
      [
        { of: "approval", name: "go-on", jobId: jobs.approval.jobId, runId: `${jobs.approval.jobId}.0`, expiresAt: at },
        { of: "event", name: "shipped", jobId: jobs.event.jobId, runId: `${jobs.event.jobId}.0` },
        { of: "event", name: "payment", task: "paid", ...member(jobs.three.jobId), runs: 3, expiresAt: at },
        {
          of: "event",
          name: "payment",
          task: "paid",
          jobId: jobs.lone.jobId,
          runId: `${jobs.lone.jobId}.0`,
          expiresAt: at,
        },
      ]
        .map((wait) => ({ runs: 1, since: at, ...wait }))
        .toSorted(order),
    );
    expect((await api.client.waits({ of: "approval" })).items).toHaveLength(1);
  });

  it("lists nothing that was answered, that has been sent, or whose job was cancelled", async () => {
    const { api, jobs } = await startAll();
    const run = await api.client.run(`${jobs.approval.jobId}.0`);
    await api.client.complete(run.runId, run.wait?.token ?? "", { value: null });
    await api.client.sendEvent(jobs.three.jobId, "payment", 1);
    await api.client.sendEvent(jobs.lone.jobId, "payment", 1);
    await api.client.cancel(jobs.event.jobId);
    await api.local.untilQuiet();
    expect(await api.client.waits()).toEqual({ items: [] });
  });

  it("gives every wait on some page, however few groups a page looks at", async () => {
    const { api } = await startAll();
    const found: string[] = [];
    for await (const { jobId } of api.client.waits({ limit: 1 })) found.push(jobId);
    expect([new Set(found).size, found.length]).toEqual([4, 4]);
  });

  it.each(["limit=501", "of=lock", "cursor=x", "cursor=16", "cursor=0.%25", "cursor=0.{"])(
    "GET /waits?%s is refused",
    async (query) => {
      const response = await startApi().ask("GET", `/waits?${query}`);
      expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_request" }]);
    },
  );
});
it("a cursor of nobody's making ends the list or is refused, and breaks nothing", async () => {
  const { api } = await startAll();
  for (const text of ["{}", "[]", "null", "\u0000", "{", "x".repeat(1_400)]) {
    const response = await api.ask("GET", `/waits?cursor=0.${encodeURIComponent(encodeURIComponent(text))}`);
    expect([text, response.status === 200 || response.status === 400]).toEqual([text, true]);
  }
});
function member(jobId: string) {
  return { jobId, runId: `${jobId}.0.g.0` };
}
