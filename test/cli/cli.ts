import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll } from "vitest";
import { READ_SOURCES } from "../read-sources.ts";

export const ROOT = resolve(import.meta.dirname, "../..");
/** A test sees no tasks but these, unless it names others. */
const SHIPPED = resolve(ROOT, "test/shipped-tasks.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
/** The real command in a process of its own. No process outlives the tests. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first line of the stream for which `wanted` holds. */
  line(stream: "stdout" | "stderr", wanted: (line: string) => boolean): Promise<string>;
}

const children: ChildProcess[] = [];
const folders: string[] = [];
afterAll(() => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fanfold-cli-"));
  folders.push(folder);
  return folder;
}

/** Starts `main`, by default the command. */
export function start(
  args: readonly string[],
  input?: string,
  { main = "cli/main.ts", variables = {} }: { readonly main?: string; readonly variables?: NodeJS.ProcessEnv } = {},
): Running {
  const env = { ...process.env, NO_COLOR: "1", npm_lifecycle_event: undefined, ...variables };
  const tasks = main.startsWith("cli/") && !args.includes("--tasks") && args.length > 0 ? ["--tasks", SHIPPED] : [];
  const child = spawn(process.execPath, [...READ_SOURCES, resolve(ROOT, main), ...args, ...tasks], {
    cwd: ROOT,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  child.stdin.end(input);
  const text = { stdout: "", stderr: "" };
  const lines = { stdout: createInterface(child.stdout), stderr: createInterface(child.stderr) };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].on("data", (chunk: Buffer) => (text[stream] += String(chunk)));
  const ended = new Promise<Ended>((resolveEnd) => child.once("close", (code) => resolveEnd({ code, ...text })));
  return {
    child,
    ended,
    line: (stream, wanted) =>
      new Promise((resolveLine, reject) => {
        lines[stream].on("line", (line) => wanted(line) && resolveLine(line));
        void ended.then(({ stderr }) => reject(new Error(`ended without that line: ${stderr}`)));
      }),
  };
}

export function fanfold(args: readonly string[], input?: string): Promise<Ended> {
  return start(args, input).ended;
}
export function jsonLines<T = Record<string, unknown>>(text: string): T[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
