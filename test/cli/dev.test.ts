import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { fanfold, jsonLines, newFolder, start, type Running } from "./cli.ts";

/** One dev server for all tests. Each test runs a command beside it. */
let server: Running;
let data: string;
let url: string;
beforeAll(async () => {
  data = newFolder();
  server = start(["dev", "--port", "0", "--data", data, "--workers", "1", "--json"]);
  url = (JSON.parse(await server.line("stdout", (line) => line.startsWith("{"))) as { url: string }).url;
}, 60_000);
const at = (...args: string[]) => fanfold([...args, "--data", data]);
const token = () => (JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as { token: string }).token;

/** Submits a group: a chain that waits for an approval and then for an event, and a stamped run that starts late. */
async function submitWaiting(): Promise<string> {
  const late = { task: "math.add", args: [1, 1], options: { countdown: 600, team: "blue", stamped_headers: ["team"] } };
  const waits = {
    chain: [{ approval: { name: "go-on" } }, { event: { name: "paid" } }, { task: "math.add", args: [1] }],
  };
  const submitted = start(
    ["submit", "-", "--data", data, "--json"],
    JSON.stringify({ group: [waits, late], options: { policy: "settled" } }),
  );
  return jsonLines<{ jobId: string }>((await submitted.ended).stdout)[0]!.jobId;
}
/** Returns the list of waiting runs as soon as it has the run. */
async function untilWaiting(jobId: string, runId: string): Promise<string> {
  for (;;) {
    const { stdout } = await at("runs", jobId, "--status", "waiting");
    if (stdout.includes(`${runId} `)) return stdout;
  }
}

describe("beside a dev server", { timeout: 60_000 }, () => {
  it("only a reader of the data folder has the token of the dev server", async () => {
    expect(statSync(join(data, "server.json")).mode & 0o777).toBe(0o600);
    expect((await fetch(`${url}/jobs`)).status).toBe(401);
    expect((await fetch(`${url}/jobs`, { headers: { Authorization: `Bearer ${token()}` } })).status).toBe(200);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("job lists the runs that wait for an event, until it has come", async () => {
    const { stdout } = await fanfold(
      ["submit", "-", "--data", data, "--json"],
      JSON.stringify({ task: "wait-for", args: ["go"] }),
    );
    const { jobId } = jsonLines<{ jobId: string }>(stdout)[0]!;
    let shown = "";
    while (!shown.includes("deferred")) shown = (await at("job", jobId)).stdout;
    expect(shown).toContain(`deferred  wait-for ${jobId}.0 waits for go`);
    const headers = { Authorization: `Bearer ${token()}`, "Content-Type": "application/json" };
    await fetch(`${url}/jobs/${jobId}/events/go`, {
      method: "POST",
      headers,
      body: JSON.stringify({ value: "it came" }),
    });
    expect((await at("watch", jobId)).code).toBe(0);
    expect((await at("job", jobId)).stdout).toMatch(/^value {5}"it came"$/m);
  });

  it("submit --batch starts a job for each line, answers for each, and starts none twice with --key", async () => {
    const lines = [
      JSON.stringify({ canvas: { task: "math.add", args: [20, 22] } }),
      "",
      JSON.stringify({ canvas: { task: "math.ad", args: [1, 2] } }),
      JSON.stringify({ workflow: "example.sum-of-sums", fields: { n: 4 }, idempotencyKey: "own" }),
    ].join("\n");
    const batch = (...more: string[]) =>
      start(["submit", "--batch", "-", "--key", "monday", "--data", data, ...more], lines).ended;
    const first = await batch();
    expect([first.code, first.stderr]).toEqual([
      1,
      "line 3 refused: no task is called math.ad; did you mean math.add? (unknown_task)\n3 lines: 2 started, 1 refused\n",
    ]);
    const ids = first.stdout.trim().split("\n");
    expect(ids).toHaveLength(2);
    const again = await batch("--json");
    expect(jsonLines(again.stdout)).toMatchObject([
      { idempotencyKey: "monday.1", jobId: ids[0], created: false },
      { idempotencyKey: "monday.3", error: { code: "unknown_task", field: "/canvas/task" } },
      { idempotencyKey: "own", jobId: ids[1], created: false },
    ]);
    expect((await at("watch", ids[0]!)).code).toBe(0);
    expect((await at("job", ids[0]!)).stdout).toMatch(/^value {5}42$/m);
  });

  it("submit, watch, job, results, graph and cancel work on one job", async () => {
    const submitted = await at("submit", "example.sum-of-sums", "-f", "n=10", "--json");
    const { jobId } = jsonLines<{ jobId: string }>(submitted.stdout)[0]!;
    const watched = await at("watch", jobId);
    expect([watched.code, watched.stdout, watched.stderr]).toEqual([
      0,
      "",
      expect.stringMatching(/^success: 11 runs/m) as string,
    ]);
    const [job, results, graph, dot, cancelled] = await Promise.all([
      at("job", jobId),
      at("results", jobId),
      at("graph", jobId, "--json"),
      at("graph", jobId, "--dot"),
      at("cancel", jobId, "--json"),
    ]);
    expect(job.stdout).toMatch(/^state {5}success\n/m);
    expect(results.stdout).toBe("     0  success    90\n");
    expect(jsonLines<{ nodes: unknown[] }>(graph.stdout)[0]!.nodes.length).toBeGreaterThan(2);
    expect(dot.stdout).toMatch(/^digraph job \{/);
    expect(jsonLines(cancelled.stdout)).toEqual([{ jobId, cancelled: false }]);
  });

  it("the same key returns the same job, and is refused for other work", async () => {
    const [first] = jsonLines<{ jobId: string }>(
      (await at("submit", "example.sum-of-sums", "--key", "k", "--json")).stdout,
    );
    expect(jsonLines((await at("submit", "example.sum-of-sums", "--key", "k", "--json")).stdout)).toEqual([
      { jobId: first!.jobId, created: false },
    ]);
    const other = await at("submit", "example.sum-of-sums", "-f", "n=3", "--key", "k", "--json");
    expect([other.code, ...jsonLines(other.stdout)]).toMatchObject([1, { error: { code: "idempotency_conflict" } }]);
  });

  it("run uses the dev server, and exits with 1 when its job is cancelled", async () => {
    const running = start(["run", "-", "--data", data, "--json"], JSON.stringify({ task: "sleep", args: [60] }));
    const jobId = (await running.line("stderr", (line) => line.startsWith("job "))).slice(4);
    expect((await at("cancel", jobId)).stdout).toBe(`cancelled ${jobId}\n`);
    const { code, stdout } = await running.ended;
    expect([code, ...jsonLines(stdout)]).toMatchObject([1, { state: "cancelled" }]);
  });

  it("jobs and workflows print lists", async () => {
    const [jobs, json, workflows] = await Promise.all([
      at("jobs"),
      at("jobs", "--json", "--limit", "1"),
      at("workflows", "--json"),
    ]);
    expect(jobs.stdout).toMatch(/^JOB +STATE +RUNS/);
    expect(jsonLines<{ items: unknown[] }>(json.stdout)[0]!.items).toHaveLength(1);
    expect(jsonLines<{ name: string }[]>(workflows.stdout)[0]!.map((each) => each.name)).toEqual([
      "checksum-manifest",
      "example.sum-of-sums",
      "inventory",
    ]);
  });

  it.each([
    { args: ["submit", "example.sum-of-sum"], says: "did you mean example.sum-of-sums?" },
    { args: ["submit", "example.sum-of-sums", "-f", "n=-1"], says: "/fields/n" },
    { args: ["submit", "example.sum-of-sums", "-f", "m=1"], says: "has no field m; its fields: n" },
  ])("$args is refused with the message: $says", async ({ args, says }) => {
    const { code, stderr, stdout } = await at(...args, "--json");
    expect([code, stderr]).toEqual([2, expect.stringContaining(says) as string]);
    expect(jsonLines(stdout)).toHaveLength(1);
  });

  it("complete, send, runs and cancel work on waiting runs", { timeout: 400_000 }, async () => {
    const jobId = await submitWaiting();
    const waiting = (runId: string) => untilWaiting(jobId, runId);
    const [approval, event] = [`${jobId}.0.g.0`, `${jobId}.0.g.0~1`];
    expect(await waiting(approval)).toMatch(/waiting +- +approval go-on/);
    const [job, done, sheet, waits] = await Promise.all([
      at("complete", jobId, "--value", "1"),
      at("complete", jobId + ".0", "--value", "1"),
      at("runs", approval),
      at("waits", "--of", "approval"),
    ]);
    expect(waits.stdout).toMatch(/OF +NAME +RUNS.*\napproval +go-on +1 .*\.0\.g\.0\n$/);
    expect([job.code, job.stderr]).toEqual([
      2,
      expect.stringContaining(`fanfold runs ${jobId} --status waiting`) as string,
    ]);
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining("waits for no answer") as string]);
    expect(sheet.stdout).toMatch(/^token {5}\S+$/m);
    expect((await at("complete", approval, "--value", "1")).stdout).toBe(`answered ${approval}\n`);
    expect(jsonLines((await at("complete", approval, "--error", "no", "--json")).stdout)).toEqual([
      { runId: approval, completed: false },
    ]);
    expect(await waiting(event)).toMatch(/waiting +- +event paid/);
    expect((await at("complete", event, "--value", "1")).stderr).toContain(`fanfold send ${jobId} paid`);
    expect((await at("send", jobId, "paid", "--value", "41")).stdout).toBe(`sent paid to ${jobId}\n`);
    const [jobs, none, cancelled] = await Promise.all([
      at("jobs", "--stamp", "team=blue", "--json"),
      at("jobs", "--stamp", "team=red"),
      at("cancel", jobId, "--stamp", "team=blue"),
    ]);
    expect(jsonLines(jobs.stdout)).toMatchObject([{ items: [{ jobId }] }]);
    expect(none.stderr).toContain("no jobs");
    expect(cancelled.stdout).toBe(`cancelled the runs of ${jobId} with team=blue\n`);
    expect((await at("watch", jobId)).code).toBe(1);
    expect(jsonLines((await at("runs", jobId, "--stamp", "team=blue", "--json")).stdout)).toMatchObject([
      { items: [{ status: "cancelled" }] },
    ]);
    expect((await at("results", jobId)).stdout).toMatch(/success +42\n.*Revoked/);
    expect((await at("cancel", `${jobId}.0.g`)).stdout).toBe(`${jobId}.0.g had already ended\n`);
  });

  it("an unknown job is reported as job_not_found", async () => {
    const { code, stderr } = await at("job", "nope");
    expect([code, stderr]).toEqual([1, expect.stringContaining("(job_not_found)") as string]);
  });

  it("a second dev server cannot use the same data folder", async () => {
    const { code, stderr } = await at("dev", "--port", "0");
    expect([code, stderr]).toEqual([1, expect.stringContaining("(data_folder_in_use)") as string]);
  });

  it("SIGTERM stops the dev server, which leaves no server.json", async () => {
    server.child.kill("SIGTERM");
    const { code, stdout } = await server.ended;
    expect([code, jsonLines(stdout)]).toEqual([0, [expect.objectContaining({ dataFolder: data }) as object]]);
    expect(existsSync(join(data, "server.json"))).toBe(false);
  });
});
