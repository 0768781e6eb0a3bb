import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { REPOSITORY } from "../../cli/repository.ts";
import type { Line } from "./report.ts";

/** Describes the machine, the time and the revision of the code for the lines that follow. */
export function machineLine(): Line {
  return {
    bench: "machine",
    engine: "all",
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    /** Load above the number of cores means that other processes are at work, so the figures are too low. */
    load: loadavg()[0] ?? 0,
    node: process.version,
    commit: commit(),
    date: new Date().toISOString(),
  };
}
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: REPOSITORY, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return (
      git("rev-parse", "--short", "HEAD") +
      (git("status", "--porcelain", "--", "functions") === "" ? "" : " with changes")
    );
  } catch {
    return "unknown";
  }
}
