import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

const TASKS = fileURLToPath(new URL("fixtures/ledger-tasks.ts", import.meta.url));
interface Facts {
  readonly items: readonly {
    readonly runId: string;
    readonly why?: { readonly of: string; readonly runId?: string };
  }[];
}

it(
  "fanfold why follows a run to its first cause, and fanfold identities lists shared runs",
  { timeout: 120_000 },
  async () => {
    const data = newFolder();
    const call = (version: number, args: string[], input?: string) => {
      process.env["SOURCE_VERSION"] = String(version);
      return fanfold([...args, "--data", data, "--tasks", TASKS], input);
    };
    const canvas = JSON.stringify({ task: "ledger.digest", args: ["a"] });
    const runOf = async (version: number): Promise<string> => {
      const { stdout } = await call(version, ["run", "-", "--json"], canvas);
      const { jobId } = jsonLines(stdout).at(-1) as { readonly jobId: string };
      return `${jobId}.0`;
    };
    const first = await call(0, ["why", await runOf(0)]);
    expect(first.stdout).toMatch(/ledger\.digest .*\n +it waits for ~.*\n.*\n +it runs for the first time\n/);
    const listed = await call(0, ["identities", "--task", "ledger.source"]);
    expect(listed.stdout).toMatch(/RUN +STATUS +VERSION +ARGUMENTS.*\n~.* success +0 +"a" +it runs for the first time/);
    // A later release: the digest is verified, and its code does not run.
    const why = jsonLines((await call(3, ["why", await runOf(3), "--json"])).stdout)[0] as unknown as Facts;
    expect(why.items.map((each) => each.why?.of)).toEqual(["shared", "version"]);
    expect(why.items[1]).toMatchObject({ verified: true, why: { task: "ledger.source", from: 0, to: 3 } });
    const again = await call(3, ["identities", "--task", "ledger.source", "--status", "success"]);
    expect(again.stdout).toMatch(/success +3 +"a" +ledger.source has version/);
    const job = await call(3, ["why", "@last"]);
    expect([job.code, job.stderr]).toEqual([2, expect.stringContaining("name one of its runs, such as @last.0")]);
    const unlisted = await call(3, ["identities", "--task", "ledger.digest"]);
    expect([unlisted.code, unlisted.stderr]).toEqual([1, expect.stringContaining("not_listed")]);
  },
);

it(
  "fanfold schedule begins a shared run without a job, and fanfold forget forgets it",
  { timeout: 60_000 },
  async () => {
    const common = ["--data", newFolder(), "--tasks", TASKS];
    const canvas = JSON.stringify({ task: "ledger.digest", args: ["a"] });
    const begun = await fanfold(["schedule", "-", ...common], canvas);
    expect([begun.code, begun.stdout, begun.stderr]).toEqual([
      0,
      expect.stringMatching(/^~\S+\.0\n$/),
      "begun: queued\n",
    ]);
    const again = await fanfold(["schedule", "-", ...common], canvas);
    expect([again.stdout, again.stderr]).toEqual([begun.stdout, "it was there: queued\n"]);
    const forgot = await fanfold(["forget", "-", ...common], canvas);
    expect(forgot.stdout).toBe(`forgot ${begun.stdout.trim()}, which was queued\n`);
    const other = await fanfold(["forget", "-", ...common], JSON.stringify({ task: "ledger.digest", args: ["b"] }));
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("run_not_found")]);
  },
);
