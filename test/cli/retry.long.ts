import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type Client, createClient, hasEnded, type Job } from "../../functions/client/index.ts";
import { type Ended, fanfold, jsonLines, newFolder, start } from "./cli.ts";

const TASKS = fileURLToPath(new URL("fixtures/disk-tasks.ts", import.meta.url));
let data: string;
let client: Client;
beforeAll(async () => {
  data = newFolder();
  const server = start(["dev", "--port", "0", "--data", data, "--tasks", TASKS, "--workers", "1", "--json"]);
  await server.line("stdout", (line) => line.startsWith("{"));
  client = createClient(JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as { url: string; token: string });
}, 60_000);
const at = (...args: string[]): Promise<Ended> => fanfold([...args, "--data", data]);

/** A group of three chunks, of which two fail while the file is there, and what follows it. */
function chunks(full: string, policy: "allSuccess" | "settled"): object {
  const copy = (path: string, bytes: number, options = {}) => ({ task: "copy", args: [path, bytes], options });
  const stamped = { team: "blue", stamped_headers: ["team"] };
  const group = { group: [copy(full, 1), copy(full, 2, stamped), copy(`${full}-not`, 4)], options: { policy } };
  return { chain: [group, { task: policy === "settled" ? "noop" : "math.sum" }] };
}
/** Starts such a job on the dev server, waits for its end and frees the disk. */
async function failed(policy: "allSuccess" | "settled" = "allSuccess"): Promise<string> {
  const full = join(data, `full-${Math.random()}`);
  writeFileSync(full, "");
  const { jobId } = await client.submitWire(chunks(full, policy));
  expect((await ended(jobId)).state).toBe("failure");
  rmSync(full);
  return jobId;
}
async function ended(jobId: string): Promise<Job> {
  for await (const _event of client.events(jobId, { follow: true }));
  const job = await client.job(jobId);
  expect(hasEnded(job)).toBe(true);
  return job;
}

describe("fanfold retry", { timeout: 120_000 }, () => {
  it("job and watch of a failed job name the command, which retries it in place", async () => {
    const jobId = await failed();
    const [job, watch] = await Promise.all([at("job", jobId), at("watch", jobId)]);
    for (const { stderr } of [job, watch])
      expect(stderr).toContain(`retry what failed: fanfold retry ${jobId} --data ${data}\n`);
    const retried = await at("retry", jobId, "--yes");
    expect([retried.code, retried.stdout]).toEqual([0, ""]);
    expect(retried.stderr).toMatch(/^job \S+ goes on in round 1\nit continues; watch it: fanfold watch /);
    expect(await ended(jobId)).toMatchObject({ state: "success", round: 1, value: 7 });
    const [after, graph, again] = await Promise.all([
      at("job", jobId),
      at("graph", jobId),
      at("retry", jobId, "--yes"),
    ]);
    expect([after.stdout, after.stderr]).toEqual([expect.stringMatching(/^round {5}1$/m) as string, ""]);
    expect(graph.stdout.match(/success +copy \(round 1\)/g)).toHaveLength(2);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("(nothing_to_retry)") as string]);
  });

  it("S113 a dry run prints what would run again, by the filters, and changes nothing", async () => {
    const jobId = await failed("settled");
    const filters = ["--task", "copy", "--task", "other", "--reason", "ENOSPC", "--status", "error", "--since", "1h"];
    const [dry, some, none] = await Promise.all([
      at("retry", jobId, "--dry-run"),
      at("retry", jobId, "--dry-run", "--stamp", "team=blue", "--keep-downstream", ...filters, "--json"),
      at("retry", jobId, "--dry-run", "--status", "broken", "--status", "cancelled", "--json"),
    ]);
    expect([dry.code, dry.stdout.replaceAll(/ +/g, " ")]).toEqual([
      0,
      `TASK REASON STATUS COUNT EXAMPLE\ncopy ENOSPC error 2 ${jobId}.0.g.0\nand again, because it had consumed them: noop (1)\n`,
    ]);
    expect(jsonLines(some.stdout)).toMatchObject([{ runs: 1, failures: [{ example: `${jobId}.0.g.1` }], again: [] }]);
    expect([none.code, ...jsonLines(none.stdout)]).toMatchObject([1, { error: { code: "nothing_to_retry" } }]);
    expect(await client.job(jobId)).toMatchObject({ state: "failure", round: 0 });
  });

  it("without --yes it shows the table and asks, and only a yes retries", async () => {
    const jobId = await failed();
    const retry = ["retry", `${jobId}.0.g.1`, "--data", data];
    for (const answer of ["n\n", ""]) {
      const refused = await fanfold(retry, answer);
      expect([refused.code, refused.stdout]).toEqual([1, ""]);
      expect(refused.stderr).toMatch(/copy +ENOSPC +error +1 .*\nretry 1 failed run\? \[y\/N\] nothing was retried\n$/);
    }
    const agreed = await fanfold([...retry, "--watch"], "y\n");
    expect([agreed.code, agreed.stderr]).toEqual([1, expect.stringMatching(/^failure: .*, round 1$/m) as string]);
    const statuses = [0, 1, 2].map(async (index) => (await client.run(`${jobId}.0.g.${index}`)).status);
    expect(await Promise.all(statuses)).toEqual(["error", "success", "success"]);
  });

  it("without a dev server a retry is kept for later, and with --watch it goes on to the end", async () => {
    const own = newFolder();
    const full = join(own, "full");
    writeFileSync(full, "");
    const local = ["--data", own, "--tasks", TASKS];
    const ran = await fanfold(["run", "-", ...local], JSON.stringify(chunks(full, "allSuccess")));
    const [, jobId = ""] = /^job (\S+)$/m.exec(ran.stderr) ?? [];
    expect(ran.stderr).toContain(`retry what failed: fanfold retry ${jobId} --data ${own}\n`);
    const kept = await fanfold(["retry", jobId, "--yes", "--json", ...local]);
    expect(jsonLines(kept.stdout)).toEqual([{ jobId, round: 1, created: true }]);
    expect((await fanfold(["watch", jobId, ...local])).stderr).toMatch(/^failure: 3 runs, 2 failed, .*, round 1$/m);
    rmSync(full);
    const watched = await fanfold(["retry", jobId, "--yes", "--watch", ...local]);
    expect([watched.code, watched.stdout]).toEqual([0, "7\n"]);
  });
});

describe("fanfold retry without an id", { timeout: 120_000 }, () => {
  it("S113 shows the jobs, asks, and only a yes retries them all", async () => {
    const jobs = [await failed(), await failed()].toSorted();
    const all = ["retry", "--task", "copy", "--reason", "ENOSPC", "--since", "1h", "--data", data];
    const dry = await fanfold([...all, "--dry-run"]);
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/^JOB +ROUND +RUNS\n/) as string]);
    for (const jobId of jobs) expect(dry.stdout).toMatch(new RegExp(`^${jobId} +1 +2$`, "m"));
    const refused = await fanfold(all, "n\n");
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(/retry \d+ failed runs of \d+ jobs\? \[y\/N\] nothing was retried\n$/);
    for (const jobId of jobs) expect(await client.job(jobId)).toMatchObject({ state: "failure", round: 0 });
    const agreed = await fanfold(all, "y\n");
    expect([agreed.code, agreed.stderr]).toEqual([0, expect.stringMatching(/ retried: \d+ jobs\n$/) as string]);
    for (const jobId of jobs) expect(await ended(jobId)).toMatchObject({ state: "success", round: 1, value: 7 });
  });
  it("--yes and --json ask nothing, and go on until there is no cursor", async () => {
    const jobs: string[] = [];
    for (let k = 0; k < 101; k++) {
      const { jobId } = await client.submitWire({ task: "fail", kwargs: { retryable: false, message: "no" } });
      jobs.push(jobId);
    }
    for (const jobId of jobs) await ended(jobId);
    const [dry, nothing] = await Promise.all([
      at("retry", "--task", "fail", "--dry-run", "--json"),
      at("retry", "--task", "noop", "--yes"),
    ]);
    expect(jsonLines(dry.stdout)).toMatchObject([{ retried: 101, runs: 101, skipped: { nothing: 0 } }]);
    expect([nothing.code, nothing.stderr]).toEqual([0, "nothing to retry\n"]);
    const text = await at("retry", "--task", "fail", "--dry-run");
    expect(text.stdout).toMatch(/\nand 81 jobs more\n$/);
    const [done] = jsonLines<{ jobs: { jobId: string; round: number }[] }>(
      (await at("retry", "--task", "fail", "--yes", "--json")).stdout,
    );
    expect(done?.jobs.map(({ jobId }) => jobId).toSorted()).toEqual(jobs.toSorted());
    expect(new Set(done?.jobs.map(({ round }) => round))).toEqual(new Set([1]));
  });
});
