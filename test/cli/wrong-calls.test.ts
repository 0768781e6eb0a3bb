import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { program } from "../../cli/program.ts";
import { runProgram } from "../../cli/run-program.ts";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

/** Runs the command in this process, because these mistakes are found before anything is started. */
async function call(args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    vi.spyOn(process[stream], "write").mockImplementation((chunk) => {
      text[stream] += String(chunk);
      return true;
    });
  }
  await runProgram(program(), args);
  vi.restoreAllMocks();
  return { code: process.exitCode, ...text };
}
let exitCode: typeof process.exitCode;
beforeEach(() => (exitCode = process.exitCode));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = exitCode;
});

describe("a wrong call", () => {
  it.each([
    { args: ["nonsense"], says: "unknown command" },
    { args: ["run"], says: "missing required argument" },
    { args: ["run", "x", "--timout", "1"], says: "Did you mean --timeout?" },
    { args: ["run", "x", "--timeout", "soon"], says: "seconds above 0" },
    { args: ["jobs", "--limit", "many"], says: "whole number" },
    { args: ["jobs", "--state", "done"], says: "Allowed choices" },
    { args: ["dev", "--port", "70000"], says: "65535" },
    { args: ["run", "nowhere.json"], says: "there is no file nowhere.json" },
    { args: ["run", "package.json", "-f", "a=b"], says: "--field is for workflows" },
    { args: ["submit", "README.md/x", "-f", "a=b"], says: "--field is for workflows" },
    { args: ["run", "example.sum-of-sums", "-f", "n"], says: "name=value" },
    { args: ["run", "x", "--tasks", "nowhere.ts"], says: "there is no file" },
    { args: ["complete", "J.0"], says: "--value JSON, or --error MESSAGE" },
    { args: ["complete", "J.0", "--value", "1", "--error", "no"], says: "and not both" },
    { args: ["complete", "J.0", "--value", "{ok: true}"], says: "begins like JSON but is none" },
    { args: ["send", "J"], says: "missing required argument" },
    { args: ["cancel", "J.0", "--stamp", "team=blue"], says: "--stamp is for jobs" },
    { args: ["cancel", "J", "--stamp", "team"], says: "name=value" },
    { args: ["runs", "J", "--status", "done"], says: "Allowed choices" },
    { args: ["failures", "--since", "yesterday"], says: "30m, 2h or 7d" },
    { args: ["dead-letters", "drop"], says: "Allowed choices" },
    { args: ["dead-letters", "show"], says: "name the dead letter" },
    { args: ["dead-letters", "list", "X"], says: "show X" },
    { args: ["retry", "J", "--status", "pending"], says: "Allowed choices" },
    { args: ["retry", "J", "--stamp", "team"], says: "name=value" },
    { args: ["retry", "J", "--since", "yesterday"], says: "30m, 2h or 7d" },
    { args: ["retry", "J", "--dry-run", "--yes"], says: "cannot be used with option '--yes'" },
    { args: ["retry", "J", "--dry-run", "--watch"], says: "cannot be used with option '--watch'" },
    { args: ["retry", "J"], says: "add --yes, or --dry-run" },
    { args: ["retry"], says: "name a job, or --task or --reason" },
    { args: ["retry", "--since", "2h"], says: "name a job, or --task or --reason" },
    { args: ["retry", "--task", "a", "--task", "b"], says: "give --task once" },
    { args: ["retry", "--reason", "a", "--reason", "b"], says: "give --reason once" },
    { args: ["retry", "--task", "a", "--status", "error"], says: "--status needs the id of a job" },
    { args: ["retry", "--task", "a", "--stamp", "team=blue"], says: "--stamp needs the id of a job" },
    { args: ["retry", "--task", "a", "--watch"], says: "--watch needs the id of a job" },
    { args: ["retry", "--task", "a"], says: "add --yes, or --dry-run" },
    { args: ["demo", "nowhere"], says: "there is no folder nowhere" },
    { args: ["demo", "docs", "--data", "docs/data"], says: "inside of" },
  ])("$args exits with 2 and says: $says", async ({ args, says }) => {
    const data = args.includes("--data") || args[0] === "nonsense" ? [] : ["--data", newFolder()];
    const { code, stdout, stderr } = await call([...args, ...data, "--json"]);
    expect(stderr).toContain(says);
    expect(code).toBe(2);
    expect(jsonLines(stdout)).toMatchObject([
      { error: { code: "invalid_request", message: expect.any(String) as string } },
    ]);
  });

  it("a wrong call sets the exit code of the process", { timeout: 60_000 }, async () => {
    const { code, stderr } = await fanfold(["jobs", "--limit", "0"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("whole number") as string]);
  });
});

describe("--help", () => {
  it("the help of every command has an example", async () => {
    for (const { name } of program().commands.map((each) => ({ name: each.name() }))) {
      const { code, stdout } = await call([name, "--help"]);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/Examples?:\n {2}\$ (fanfold|npm|echo) /) as string]);
    }
  });
  it("the help of fanfold shows first steps and exit codes", async () => {
    const { stdout } = await call(["--help"]);
    expect(stdout).toContain("First steps");
    expect(stdout).toContain("130 interrupted");
  });
});
