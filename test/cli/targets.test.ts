import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { READ_SOURCES } from "../read-sources.ts";
import { type Ended, jsonLines, newFolder, ROOT, start } from "./cli.ts";

let url = "";
let token = "";
let home = "";
/** Runs a command elsewhere than in the folder of the server, with what the environment names. */
function call(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return start(args, undefined, { variables: { XDG_CONFIG_HOME: home, ...variables } }).ended;
}
const named = (args: readonly string[]): Promise<Ended> => call(args, { FANFOLD_URL: url, FANFOLD_TOKEN: token });
const json = async <T>(args: readonly string[]): Promise<T> =>
  JSON.parse((await named([...args, "--json"])).stdout) as T;

beforeAll(async () => {
  const data = newFolder();
  home = newFolder();
  await start(["dev", "--port", "0", "--data", data, "--workers", "1"]).line("stdout", (line) =>
    line.includes("Ctrl-C"),
  );
  ({ url, token } = JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as { url: string; token: string });
  mkdirSync(join(home, "fanfold"));
  writeFileSync(join(home, "fanfold/profiles.json"), JSON.stringify({ prod: { url, token } }));
}, 60_000);

describe("a server that a command names", { timeout: 180_000 }, () => {
  it("is operated by --url, FANFOLD_URL and --profile alike", async () => {
    const submitted = await call(["submit", "example.sum-of-sums", "-f", "n=3", "--profile", "prod"]);
    const id = submitted.stdout.trim();
    expect(submitted.stderr).toContain(`watch ${id} --profile prod`);
    expect((await call(["watch", id, "--url", url], { FANFOLD_TOKEN: token })).code).toBe(0);
    expect(await json(["job", id])).toMatchObject({ jobId: id, state: "success", value: 6 });
    const run = await named(["run", "example.sum-of-sums", "-f", "n=4", "--json"]);
    expect([run.code, JSON.parse(run.stdout)]).toEqual([0, expect.objectContaining({ value: 12 })]);
  });
  it("is said to be wrong before anything is asked", async () => {
    const wrong = [
      { args: ["--profile", "prd"], says: "did you mean prod?" },
      { args: ["--url", "a1b2c3"], says: "write the address of the API" },
      { args: ["--url", url, "--data", "/tmp/x"], says: "--data is for the engine of a folder" },
      { args: ["--region", "eu-west-2"], says: "--region is for an API on AWS" },
    ];
    for (const { args, says } of wrong) {
      const { code, stderr } = await call(["jobs", ...args]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
    }
    const other = newFolder();
    mkdirSync(join(other, "fanfold"));
    writeFileSync(join(other, "fanfold/profiles.json"), JSON.stringify({ prod: { url, tokn: "t" } }));
    expect((await call(["jobs", "--profile", "prod"], { XDG_CONFIG_HOME: other })).stderr).toContain("no field tokn");
    expect(await call(["jobs", "--url", url])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("unauthorized") as string,
    });
    expect(await call(["jobs", "--url", "http://127.0.0.1:1"])).toMatchObject({
      stderr: expect.stringContaining("engine_unavailable") as string,
    });
  });
});

describe("ids that are written short", { timeout: 180_000 }, () => {
  it("@last is the newest job, and the beginning of an id the one job that has it", async () => {
    const first = (await named(["submit", "example.sum-of-sums", "-f", "n=3"])).stdout.trim();
    const second = (await named(["submit", "example.sum-of-sums", "-f", "n=3", "--key", "short-ids"])).stdout.trim();
    for (const id of [first, second]) await named(["watch", id]);
    expect(await json(["job", "@last"])).toMatchObject({ jobId: second });
    expect(await json(["job", second.slice(0, 12)])).toMatchObject({ jobId: second });
    expect(await json(["job", first.slice(0, 25)])).toMatchObject({ jobId: first });
    const { items } = await json<{ items: { runId: string }[] }>(["runs", "@last", "--limit", "1"]);
    const run = items[0]?.runId ?? "";
    expect(await json(["runs", run.replace(second, second.slice(0, 12))])).toMatchObject({ runId: run });
    expect(await named(["job", "0"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("several jobs") as string,
    });
    expect(await named(["job", "nope"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("(job_not_found)") as string,
    });
  });
});

describe("lists", { timeout: 180_000 }, () => {
  it("events tell what happened, runs those of one task, jobs those of one workflow", async () => {
    const id = (await named(["run", "example.sum-of-sums", "-f", "n=3", "--json"])).stdout;
    const { jobId } = JSON.parse(id) as { jobId: string };
    const events = jsonLines<{ kind: string; state: string }>((await named(["events", jobId, "--json"])).stdout);
    expect(events.map(({ kind, state }) => [kind, state])).toEqual([
      ["state", "started"],
      ["state", "success"],
    ]);
    const all = await json<{ items: { task?: string }[] }>(["runs", jobId]);
    const adds = await json<{ items: { task?: string }[] }>(["runs", jobId, "--task", "math.add"]);
    expect(adds.items).toEqual(all.items.filter(({ task }) => task === "math.add"));
    expect([adds.items.length > 0, adds.items.length < all.items.length]).toEqual([true, true]);
    const jobs = await json<{ items: { workflow?: string }[] }>(["jobs", "--workflow", "example.sum-of-sums"]);
    expect(jobs.items.length).toBeGreaterThan(0);
    expect((await json<{ items: unknown[] }>(["jobs", "--workflow", "nope"])).items).toEqual([]);
  });
});

describe("a mistyped name", { timeout: 180_000 }, () => {
  it("is answered with the nearest one before any worker starts", async () => {
    const data = ["--data", newFolder()];
    const workflow = await call(["run", "example.sum-of-sum", ...data]);
    expect([workflow.code, workflow.stderr]).toEqual([2, expect.stringContaining("did you mean example.sum-of-sums?")]);
    const canvas = await start(["run", "-", ...data], JSON.stringify({ task: "math.ad", args: [1, 2] })).ended;
    expect([canvas.code, canvas.stderr]).toEqual([2, expect.stringContaining("did you mean math.add?")]);
    expect((await call(["run", "example.sum-of-sums", "-f", "m=3", ...data])).stderr).toContain("has no field m");
  });
});

describe("completion", () => {
  const script = (shell: string): string => {
    const { stdout } = spawnSync(process.execPath, [...READ_SOURCES, join(ROOT, "cli/main.ts"), "completion", shell], {
      encoding: "utf8",
      cwd: ROOT,
    });
    return stdout;
  };
  it("bash completes commands, options and their values", () => {
    const file = join(newFolder(), "completion.bash");
    writeFileSync(file, script("bash"));
    const complete = (...words: string[]): string => {
      const code = `source ${file}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _fanfold; echo "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", code], { encoding: "utf8" }).stdout.trim();
    };
    expect(complete("fanfold", "jo")).toBe("jobs job");
    expect(complete("fanfold", "jobs", "--sta")).toBe("--state --stamp");
    expect(complete("fanfold", "jobs", "--state", "su")).toBe("success");
    expect(complete("fanfold", "pause", "q")).toBe("queue");
  });
  it.each(["zsh", "fish"])("%s has every command", (shell) => {
    const text = script(shell);
    for (const name of ["jobs", "runs", "events", "completion"]) expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
