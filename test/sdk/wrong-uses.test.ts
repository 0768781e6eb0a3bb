import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Wrong uses, each below a comment with what the compiler's message has to say. They are compiled as a project of their
 * own, which names its queues, events and approvals.
 */
const FOLDER = resolve(import.meta.dirname, "types");
const FILES = ["client.ts", "canvas.ts"];
const TSC = resolve("node_modules/typescript/bin/tsc");

interface Refusal {
  readonly file: string;
  /** The line of the comment. The error is below it, and above the next empty line. */
  readonly line: number;
  readonly says: string;
  readonly code: string;
  readonly last: number;
}
function refusalsOf(file: string): Refusal[] {
  const lines = readFileSync(join(FOLDER, file), "utf8").split("\n");
  return lines.flatMap((line, index): Refusal[] => {
    const says = /\/\/ refused: (.*)/.exec(line)?.[1];
    if (says === undefined) return [];
    const end = lines.findIndex((text, at) => at > index && (text.trim() === "" || text.startsWith("]")));
    const code = lines
      .slice(index + 1, end)
      .join(" ")
      .trim();
    return [{ file, line: index + 1, says, code, last: end }];
  });
}

interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}
function diagnostics(): Diagnostic[] {
  const { stdout } = spawnSync(process.execPath, [TSC, "--noEmit", "--pretty", "false", "-p", FOLDER], {
    encoding: "utf8",
  });
  const found = stdout.split(/^(?=\S)/m).map((text): Diagnostic | undefined => {
    const [, path = "", line = "", message = ""] = /^([^(]+)\((\d+),\d+\): error ([\s\S]*)$/.exec(text) ?? [];
    return path === "" ? undefined : { file: path, line: Number(line), message };
  });
  // The sources of the project itself allow any name. Its users compile against declarations.
  return found.filter((each) => each !== undefined).filter(({ file }) => file.startsWith("test/sdk/types/"));
}

describe("wrong uses do not compile", () => {
  const found = diagnostics();
  const refusals = FILES.flatMap(refusalsOf);
  const errorsAt = ({ file, line, last }: Refusal): Diagnostic[] =>
    found.filter((each) => basename(each.file) === file && each.line > line && each.line <= last);

  it("there are forty of them", () => expect(refusals.length).toBeGreaterThanOrEqual(40));
  it.for(refusals)("$file:$line $code", (refusal) => {
    const errors = errorsAt(refusal);
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining(refusal.says)]);
  });
  it("right uses compile", () => {
    const expected = new Set(refusals.flatMap(errorsAt));
    expect(found.filter((each) => !expected.has(each))).toEqual([]);
  });
});
