import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createClient, type StartOutcome } from "../../functions/client/index.ts";
import { LIMITS } from "../../functions/core/limits.ts";
import { PortError } from "../../functions/engine/ports.ts";
import { defineTask } from "../../functions/sdk/index.ts";
import { type Api, startApi, traces } from "./api.ts";
import { NDJSON } from "./refused-parts.ts";

const add = (x: number, y: number) => ({ task: "math.add", args: [x, y] });
const post = (api: Api, lines: readonly unknown[]): Promise<Response> =>
  api.ask("POST", "/jobs:batch", { body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""), headers: NDJSON });
interface Item {
  readonly jobId?: string;
  readonly created?: boolean;
  readonly error?: { readonly code: string; readonly status: number; readonly field?: string };
}
const itemsOf = async (response: Response): Promise<readonly Item[]> => {
  expect(response.status).toBe(200);
  return ((await response.json()) as { items: readonly Item[] }).items;
};
const jobIdOf = (outcome: StartOutcome | undefined): string =>
  outcome && "jobId" in outcome ? outcome.jobId : `refused: ${outcome?.error.message}`;

describe("POST /jobs:batch", () => {
  it("starts a job for each line, canvases and workflows alike", async () => {
    const api = startApi();
    const items = await itemsOf(
      await post(api, [
        { idempotencyKey: "a", canvas: add(1, 2) },
        { idempotencyKey: "b", workflow: "example.sum-of-sums", fields: { n: 3 }, timeoutSeconds: 60 },
      ]),
    );
    await api.local.untilQuiet();
    const jobs = await Promise.all(items.map(({ jobId }) => api.client.job(jobId ?? "")));
    expect(jobs).toMatchObject([
      { state: "success", value: 3 },
      { state: "success", value: 6, workflow: "example.sum-of-sums", parameters: { n: 3 } },
    ]);
    expect((jobs[1]?.deadlineAt ?? 0) - (jobs[1]?.createdAt ?? 0)).toBe(60_000);
  });

  it("answers for each line when some are refused, with the place in the line", async () => {
    const api = startApi();
    const refused: readonly [line: unknown, code: string, field: string | undefined][] = [
      [{ canvas: add(1, 2) }, "invalid_request", "/idempotencyKey"],
      [{ idempotencyKey: "", canvas: add(1, 2) }, "invalid_request", "/idempotencyKey"],
      [{ idempotencyKey: "k" }, "invalid_request", "/canvas"],
      [{ idempotencyKey: "k", canvas: add(1, 2), workflow: "example.sum-of-sums" }, "invalid_request", "/canvas"],
      [{ idempotencyKey: "k", canvas: add(1, 2), fields: {} }, "invalid_request", "/fields"],
      [{ idempotencyKey: "k", canvas: { group: [{ task: "nope" }] } }, "unknown_task", "/canvas/group/0/task"],
      [{ idempotencyKey: "k", canvas: { chain: [] } }, "invalid_canvas", "/canvas/chain"],
      [{ idempotencyKey: "k", workflow: "nope" }, "unknown_workflow", undefined],
      [{ idempotencyKey: "k", workflow: "example.sum-of-sums", fields: { n: "x" } }, "invalid_parameters", "/fields/n"],
      [{ idempotencyKey: "k", workflow: "example.sum-of-sums", fields: [] }, "invalid_request", "/fields"],
      [{ idempotencyKey: "k", canvas: add(1, 2), timeoutSeconds: 0 }, "invalid_request", "/timeoutSeconds"],
      [{ idempotencyKey: "k", canvas: add(1, 2), more: 1 }, "invalid_request", "/more"],
      [7, "invalid_request", undefined],
      [null, "invalid_request", undefined],
    ];
    const good = { idempotencyKey: "good", canvas: add(4, 5) };
    const items = await itemsOf(await post(api, [...refused.map(([line]) => line), good]));
    expect(items.slice(0, -1).map(({ error }) => [error?.code, error?.field])).toEqual(
      refused.map(([, code, field]) => [code, field]),
    );
    await api.local.untilQuiet();
    expect(await api.client.job(items.at(-1)?.jobId ?? "")).toMatchObject({ state: "success", value: 9 });
    expect((await api.client.jobs()).items).toHaveLength(1);
    expect(api.reported).toEqual([]);
  });

  it("answers as docs/guide-batches.md says", async () => {
    const guide = readFileSync(new URL("../../docs/guide-batches.md", import.meta.url), "utf8");
    const [, body = ""] = /^```ndjson\n([^`]*)^```$/m.exec(guide) ?? [];
    const [, answer = ""] = /^```json\n([^`]*)^```$/m.exec(guide) ?? [];
    const response = await startApi().ask("POST", "/jobs:batch", { body, headers: NDJSON });
    const shown = (await response.text()).replaceAll(/"jobId":"[^"]+"/g, '"jobId":"JOB"');
    expect(JSON.parse(shown)).toEqual(JSON.parse(answer));
  });

  it("gives the same jobs when it is repeated, and refuses a key that was used for other work", async () => {
    const api = startApi();
    const lines = [
      { idempotencyKey: "a", canvas: add(1, 2) },
      { idempotencyKey: "b", workflow: "example.sum-of-sums", fields: { n: 2 } },
    ];
    const first = await itemsOf(await post(api, lines));
    const again = await itemsOf(await post(api, [...lines, { idempotencyKey: "a", canvas: add(1, 3) }]));
    expect(again.slice(0, 2)).toEqual(first.map(({ jobId }) => ({ jobId, created: false })));
    expect(again[2]?.error).toMatchObject({ code: "idempotency_conflict", status: 409, field: "/idempotencyKey" });
    const single = await api.client.start("example.sum-of-sums", { n: 2 }, { idempotencyKey: "b" });
    expect(single).toEqual({ jobId: first[1]?.jobId, created: false });
  });

  it.each([
    ["no line", "", "invalid_request"],
    ["a line that is no JSON", '{"idempotencyKey":"a","canvas":{"task":"noop"}}\n{', "invalid_json"],
    ["more lines than LIMITS.batchStarts", "{}\n".repeat(LIMITS.batchStarts + 1), "payload_too_large"],
  ])("is refused as a whole with %s, and starts nothing", async (_what, body, code) => {
    const api = startApi();
    const before = await traces(api);
    const response = await api.ask("POST", "/jobs:batch", { body, headers: NDJSON });
    expect(await response.json()).toMatchObject({ code });
    expect(await traces(api)).toEqual(before);
  });

  it("takes as many lines as LIMITS.batchStarts", async () => {
    const api = startApi();
    expect(
      await itemsOf(
        await post(
          api,
          Array.from({ length: LIMITS.batchStarts }, () => ({})),
        ),
      ),
    ).toHaveLength(LIMITS.batchStarts);
  });
});

describe("submitMany of the client", () => {
  it("starts more than one request takes, in order, and gives each start a key to repeat it with", async () => {
    const bigTask = defineTask({ name: "big", run: (_ctx, text: string) => text.length });
    const api = startApi({ tasks: [bigTask] });
    const requests: number[] = [];
    const client = createClient({
      url: "http://127.0.0.1:7420",
      fetch: async (request) => {
        requests.push((await request.clone().text()).split("\n").length - 1);
        return api.app.fetch(request);
      },
    });
    const big = bigTask.s("x".repeat(900_000)).canvas;
    const small = Array.from({ length: 1_001 }, (_, k) => ({ workflow: `none-${k}` }));
    const starts = [...small, { canvas: big }, { canvas: big }, { canvas: big, idempotencyKey: "own" }];
    const outcomes = await client.submitMany(starts);
    expect(requests).toEqual([1_000, 3, 1]);
    for (const [k, outcome] of outcomes.slice(0, -3).entries())
      expect("error" in outcome && outcome.error.message).toContain(`none-${k};`);
    expect(outcomes.at(-1)?.idempotencyKey).toBe("own");
    expect(new Set(outcomes.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(outcomes.length);
    const [second] = outcomes.slice(-2);
    const again = await client.submitMany([{ canvas: big, idempotencyKey: second!.idempotencyKey }]);
    expect(again).toEqual([{ ...second, created: false }]);
    await api.local.untilQuiet();
    expect(await client.job(jobIdOf(second))).toMatchObject({ value: 900_000 });
  });

  it("returns the error of each start, also when a whole request fails", async () => {
    const api = startApi();
    const canvas = defineTask({ name: "math.ad", run: (_ctx, x: number, y: number) => x + y }).s(1, 2).canvas;
    const [unknown] = await api.client.submitMany([{ canvas }]);
    expect(unknown).toMatchObject({
      error: { code: "unknown_task", details: { status: 404, suggestion: "math.add" } },
    });
    const nobody = createClient({ url: "http://127.0.0.1:1", fetch: () => Promise.reject(new TypeError("refused")) });
    expect(await nobody.submitMany([{ canvas }, { workflow: "w" }])).toMatchObject([
      { error: { code: "engine_unavailable", retryable: true } },
      { error: { code: "engine_unavailable", retryable: true } },
    ]);
  });

  it("tells the operator of a failure of the store, and the caller that the start may be repeated", async () => {
    const api = startApi();
    const write = api.local.store.write.bind(api.local.store);
    api.local.store.write = () => Promise.reject(new PortError("outage", "no table"));
    const starts = [{ workflow: "example.sum-of-sums", fields: { n: 1 }, idempotencyKey: "a" }];
    expect(await api.client.submitMany(starts)).toMatchObject([{ error: { code: "engine_unavailable" } }]);
    expect(api.reported).toHaveLength(1);
    api.local.store.write = write;
    expect(await api.client.submitMany(starts)).toMatchObject([{ created: true }]);
  });
});
