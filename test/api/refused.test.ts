import { describe, expect, it } from "vitest";
import { LIMITS } from "../../functions/core/limits.ts";
import { startApi, traces } from "./api.ts";

const NDJSON = { "Content-Type": "application/x-ndjson" };
const JSON_TYPE = { "Content-Type": "application/json" };
const nested = (depth: number, leaf = "1"): string => `${"[".repeat(depth)}${leaf}${"]".repeat(depth)}`;
const chains = (depth: number): string => `${'{"chain":['.repeat(depth)}{"task":"noop"}${"]}".repeat(depth)}`;
const task = (text: string): string => `{"canvas":${text}}`;
const canvas = (value: unknown): string => JSON.stringify({ canvas: value });
const longName = "x".repeat(1_000_000);

interface Row {
  readonly what: string;
  readonly code: string;
  readonly status: number;
  readonly field?: string;
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Record<string, string>;
}
const ROWS: readonly Row[] = [
  // Not JSON
  { what: "text that is no JSON", body: "hello", code: "invalid_json", status: 400 },
  { what: "a cut document", body: '{"canvas":{"task":"noop"', code: "invalid_json", status: 400 },
  { what: "an empty body", body: "", code: "invalid_json", status: 400 },
  { what: "NaN", body: task('{"task":"noop","args":[NaN]}'), code: "invalid_json", status: 400 },
  { what: "bytes that are no UTF-8", body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), code: "invalid_json", status: 400 },
  {
    what: "a supervised start where nothing supervises",
    path: "/workflows/example.sum-of-sums/jobs?supervised",
    body: "{}",
    code: "invalid_request",
    status: 400,
    field: "?supervised",
  },
  // Wrong type
  { what: "no content type", body: canvas({ task: "noop" }), headers: { "Content-Type": "" }, code: "unsupported_media_type", status: 415 },
  { what: "a form", body: canvas({ task: "noop" }), headers: { "Content-Type": "text/plain" }, code: "unsupported_media_type", status: 415 },
  // Wrong shape of the request
  { what: "an array", body: "[]", code: "invalid_request", status: 400 },
  { what: "null", body: "null", code: "invalid_request", status: 400 },
  { what: "no canvas", body: "{}", code: "invalid_request", status: 400, field: "/canvas" },
  { what: "an unknown field", body: '{"canvs":{"task":"noop"}}', code: "invalid_request", status: 400, field: "/canvs" },
  { what: "a timeout that is text", body: '{"canvas":{"task":"noop"},"timeoutSeconds":"1"}', code: "invalid_request", status: 400, field: "/timeoutSeconds" },
  { what: "a timeout below zero", body: '{"canvas":{"task":"noop"},"timeoutSeconds":-1}', code: "invalid_request", status: 400, field: "/timeoutSeconds" },
  {
    what: "__proto__ in the request",
    body: '{"canvas":{"task":"noop"},"__proto__":{"polluted":true}}',
    code: "invalid_request",
    status: 400,
    field: "/__proto__",
  },
  { what: "an unknown query parameter", path: "/jobs?inptu", body: canvas({ task: "noop" }), code: "invalid_request", status: 400, field: "?inptu" },
  { what: "a query parameter twice", path: "/jobs?input&input", body: "{}", code: "invalid_request", status: 400, field: "?input" },
  { what: "an empty Idempotency-Key", body: canvas({ task: "noop" }), headers: { "Idempotency-Key": "" }, code: "invalid_request", status: 400 },
  { what: "a long Idempotency-Key", body: canvas({ task: "noop" }), headers: { "Idempotency-Key": "k".repeat(256) }, code: "invalid_request", status: 400 },
  // Malformed canvases
  { what: "a canvas that is text", body: canvas("noop"), code: "invalid_canvas", status: 400, field: "/canvas" },
  { what: "an empty canvas", body: canvas({}), code: "invalid_canvas", status: 400, field: "/canvas" },
  { what: "an unknown kind", body: canvas({ loop: [] }), code: "invalid_canvas", status: 400, field: "/canvas/loop" },
  { what: "two kinds at once", body: canvas({ task: "noop", group: [] }), code: "invalid_canvas", status: 400, field: "/canvas/group" },
  { what: "an empty chain", body: canvas({ chain: [] }), code: "invalid_canvas", status: 400, field: "/canvas/chain" },
  { what: "a chord without a body", body: canvas({ chord: { header: [] } }), code: "invalid_canvas", status: 400, field: "/canvas/chord/body" },
  { what: "a member that is no canvas", body: canvas({ group: [{ task: "noop" }, 7] }), code: "invalid_canvas", status: 400, field: "/canvas/group/1" },
  { what: "args that are no list", body: canvas({ task: "noop", args: {} }), code: "invalid_canvas", status: 400, field: "/canvas/args" },
  { what: "a task that is a number", body: canvas({ task: 7 }), code: "invalid_canvas", status: 400, field: "/canvas/task" },
  { what: "a bad queue name", body: canvas({ task: "noop", options: { queue: "a b" } }), code: "invalid_queue_name", status: 400 },
  {
    what: "an unknown option",
    body: canvas({ task: "noop", options: { contdown: 1 } }),
    code: "invalid_canvas",
    status: 400,
    field: "/canvas/options/contdown",
  },
  { what: "__proto__ as an argument's key", body: task('{"task":"noop","kwargs":{"__proto__":{"polluted":true}}}'), code: "invalid_canvas", status: 400 },
  { what: "__proto__ deep in arguments", body: task('{"task":"noop","args":[[{"a":{"__proto__":1}}]]}'), code: "invalid_canvas", status: 400 },
  { what: "__proto__ as a kind", body: task('{"__proto__":{"task":"noop"}}'), code: "invalid_canvas", status: 400 },
  { what: "a name of a million characters", body: canvas({ task: longName }), code: "invalid_canvas", status: 400, field: "/canvas/task" },
  { what: "a key of a million characters", body: canvas({ [longName]: 1 }), code: "invalid_canvas", status: 400 },
  { what: "a field of a million characters", body: JSON.stringify({ [longName]: 1 }), code: "invalid_request", status: 400 },
  // Unknown tasks
  { what: "an unknown task", body: canvas({ task: "math.ad" }), code: "unknown_task", status: 404, field: "/canvas/task" },
  {
    what: "one in a chain in a group",
    body: canvas({ group: [{ chain: [{ task: "noop" }, { task: "nope" }] }] }),
    code: "unknown_task",
    status: 404,
    field: "/canvas/group/0/chain/1/task",
  },
  {
    what: "one in a header",
    body: canvas({ chord: { header: [{ task: "nope" }], body: { task: "noop" } } }),
    code: "unknown_task",
    status: 404,
    field: "/canvas/chord/header/0/task",
  },
  {
    what: "one as a body",
    body: canvas({ chord: { header: [], body: { task: "nope" } } }),
    code: "unknown_task",
    status: 404,
    field: "/canvas/chord/body/task",
  },
  { what: "toString as a task", body: canvas({ task: "toString" }), code: "unknown_task", status: 404 },
  { what: "__proto__ as a task", body: canvas({ task: "__proto__" }), code: "unknown_task", status: 404 },
  // Too much
  { what: "more than 6 MB", body: canvas({ task: "noop", args: ["x".repeat(6 * 1024 * 1024)] }), code: "payload_too_large", status: 413 },
  { what: "100,000 nested arrays", body: nested(100_000), code: "invalid_request", status: 400 },
  { what: "100,000 nested arrays as an argument", body: task(`{"task":"noop","args":${nested(100_000)}}`), code: "too_deep", status: 400 },
  { what: "2.5 million nested arrays as an argument", body: task(`{"task":"noop","args":${nested(2_500_000)}}`), code: "too_deep", status: 400 },
  { what: "100,000 nested chains", body: task(chains(100_000)), code: "too_deep", status: 400 },
  { what: "an unclosed nest", body: "[".repeat(1_000_000), code: "invalid_json", status: 400 },
  {
    what: "10,001 steps in a chain",
    body: canvas({ chain: Array.from({ length: 10_001 }, () => ({ task: "noop" })) }),
    code: "too_many_children",
    status: 400,
  },
  // Open jobs
  { what: "a canvas for an open job", path: "/jobs?input", body: canvas({ task: "noop" }), code: "invalid_request", status: 400, field: "/canvas" },
  { what: "a body for a job that is not open", body: '{"body":{"task":"noop"}}', code: "invalid_request", status: 400, field: "/body" },
  { what: "an unknown policy", path: "/jobs?input", body: '{"policy":"never"}', code: "invalid_canvas", status: 400, field: "/policy" },
  { what: "an unknown task after the items", path: "/jobs?input", body: '{"body":{"task":"nope"}}', code: "unknown_task", status: 404, field: "/body/task" },
  { what: "a page of no job", method: "PUT", path: "/jobs/nope/input/0", body: '{"task":"noop"}\n', headers: NDJSON, code: "job_not_found", status: 404 },
  {
    what: "a page that is no number",
    method: "PUT",
    path: "/jobs/nope/input/first",
    body: "",
    headers: NDJSON,
    code: "invalid_request",
    status: 400,
    field: "{page}",
  },
  { what: "a page as JSON", method: "PUT", path: "/jobs/nope/input/0", body: "{}", code: "unsupported_media_type", status: 415 },
  {
    what: "a page over 4 MB",
    method: "PUT",
    path: "/jobs/nope/input/0",
    body: `"${"x".repeat(LIMITS.pageBytes)}"`,
    headers: NDJSON,
    code: "payload_too_large",
    status: 413,
  },
  {
    what: "a page of 4,097 items",
    method: "PUT",
    path: "/jobs/nope/input/0",
    body: "1\n".repeat(4_097),
    headers: NDJSON,
    code: "payload_too_large",
    status: 413,
  },
  { what: "a page with a bad line", method: "PUT", path: "/jobs/nope/input/0", body: '{"task":"noop"}\n{', headers: NDJSON, code: "invalid_json", status: 400 },
  { what: "a seal without a number", path: "/jobs/nope/input/seal", body: "{}", code: "invalid_request", status: 400, field: "/pages" },
  // Workflows
  { what: "an unknown workflow", path: "/workflows/example.sum-of-sum/jobs", body: "{}", code: "unknown_workflow", status: 404 },
  { what: "a long name of a workflow", path: `/workflows/${"w".repeat(201)}/jobs`, body: "{}", code: "invalid_request", status: 400, field: "{name}" },
  {
    what: "a field of the wrong type",
    path: "/workflows/example.sum-of-sums/jobs",
    body: '{"fields":{"n":"many"}}',
    code: "invalid_parameters",
    status: 400,
    field: "/fields/n",
  },
  {
    what: "fields that are a list",
    path: "/workflows/example.sum-of-sums/jobs",
    body: '{"fields":[]}',
    code: "invalid_request",
    status: 400,
    field: "/fields",
  },
  { what: "fields nested too deeply", path: "/workflows/example.sum-of-sums/jobs", body: `{"fields":{"n":${nested(100_000)}}}`, code: "too_deep", status: 400 },
  {
    what: "__proto__ among the fields",
    path: "/workflows/example.sum-of-sums/jobs",
    body: '{"fields":{"__proto__":{"n":1}}}',
    code: "invalid_request",
    status: 400,
  },
  { what: "fields beside the body", path: "/workflows/example.sum-of-sums/jobs", body: '{"n":1}', code: "invalid_request", status: 400, field: "/n" },
  // Routes
  { what: "an unknown route", path: "/job", body: "{}", code: "not_found", status: 404 },
  { what: "a wrong method", method: "DELETE", path: "/jobs", code: "method_not_allowed", status: 405 },
  { what: "a browser's preflight", method: "OPTIONS", path: "/jobs", code: "method_not_allowed", status: 405 },
  { what: "cancel of no job", path: "/jobs/nope/cancel", code: "job_not_found", status: 404 },
  { what: "cancel of what is no job's id", path: "/jobs/01ABC.0.g/cancel", code: "job_not_found", status: 404 },
];

describe("what is refused", () => {
  it.each(ROWS)("$what is refused with $code", async ({ code, status, field, method = "POST", path = "/jobs", body, headers }) => {
    const api = startApi();
    const before = await traces(api);
    const response = await api.ask(method, path, { ...(body !== undefined && { body }), headers: { ...(body !== undefined && JSON_TYPE), ...headers } });
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code, status, type: `urn:fanfold:error:${code}`, ...(field !== undefined && { field }) });
    expect(response.status).toBe(status);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(text.length).toBeLessThan(4_000);
    // The request stored nothing, changed no prototype and reported no error.
    const after = (await traces(api)) as { store: { writes: number } };
    expect({ ...after, store: after.store.writes }).toEqual({ ...(before as object), store: 0 });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(api.reported).toEqual([]);
  });

  it("a wrong method is answered with the right ones", async () => {
    const response = await startApi().ask("DELETE", "/jobs");
    expect(response.headers.get("Allow")).toBe("POST, GET, HEAD");
  });

  it("an unknown task is answered with the nearest name", async () => {
    const response = await startApi().ask("POST", "/jobs", { json: { canvas: { task: "math.ad" } } });
    expect(await response.json()).toMatchObject({ code: "unknown_task", details: { suggestion: "math.add" } });
  });

  it("an endless body is read no further than its limit", async () => {
    const api = startApi();
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => (chunks++, controller.enqueue(new Uint8Array(1024 * 1024).fill(32))) });
    const response = await api.app.request("/jobs", { method: "POST", headers: JSON_TYPE, body, duplex: "half" } as RequestInit);
    expect(await response.json()).toMatchObject({ code: "payload_too_large" });
    expect(chunks).toBeLessThan(10);
  });
});

describe("what breaks inside", () => {
  it("an internal error is reported to the operator and not to the caller", async () => {
    const api = startApi();
    api.local.store.get = () => Promise.reject(new Error("secret of the house"));
    const response = await api.ask("GET", "/jobs/01J");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(String(api.reported[0])).toContain("secret of the house");
  });

  it("an outage of a port is answered with engine_unavailable", async () => {
    const { PortError } = await import("../../functions/engine/ports.ts");
    const api = startApi();
    api.local.store.get = () => Promise.reject(new PortError("throttled", "table tasks at 10.0.0.7"));
    const response = await api.ask("GET", "/jobs/01J");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "engine_unavailable", retryable: true });
  });
});
