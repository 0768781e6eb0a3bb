import { readFileSync } from "node:fs";
import { COMMAND, installedMegabytes } from "../../package/plain.ts";
import { PLAIN } from "../../package/projects.ts";
import { pack, Walk } from "../../package/walk.ts";
import type { Case } from "../case.ts";

/** Goals in CPU seconds, start of Node included. A figure above its goal is a failure. */
const MOST = { helpCpuSeconds: 0.3, importCpuSeconds: 0.3, runCpuSeconds: 1.5 } as const;
/** As the goal is 15 MB and cannot be reached (docs/adr/0016-the-package.md), this keeps the size from growing. */
const MOST_MEGABYTES = 30;

/**
 * Packs, installs the tarball into an empty project that embeds an engine, and measures what its user pays: `n` starts
 * of each, of which the least counts, because a busy machine adds to the others.
 */
export const run: Case = async ({ bench, n, folder, emit, measure }) => {
  const walk = new Walk(pack(folder), process.execPath);
  try {
    const project = walk.project("plain", PLAIN);
    walk.install(project, walk.tarball);
    const least = (...args: readonly string[]): number =>
      Math.min(...Array.from({ length: n }, () => cpuSecondsOf(() => walk.must(project, "node", ...args))));
    const figures = await measure(async () => ({
      helpCpuSeconds: least(COMMAND, "--help"),
      importCpuSeconds: least("--input-type=module", "--eval", `await import("fanfold/embedded")`),
      runCpuSeconds: least(COMMAND, "run", "squares", "-f", "n=9", "--json"),
    }));
    const { dependenciesMb, ownMb } = installedMegabytes(project);
    emit({ bench, engine: "fanfold", n, ...figures.value, dependenciesMb, ownMb });
    const missed = Object.entries(MOST).filter(([name, most]) => figures.value[name as keyof typeof MOST] >= most);
    if (missed.length > 0 || dependenciesMb >= MOST_MEGABYTES)
      throw new Error(`above the goal: ${JSON.stringify({ ...figures.value, dependenciesMb })}`);
  } finally {
    walk.end();
  }
};

/** Returns the CPU time of the processes that some work starts and awaits, and of all that those have awaited. */
function cpuSecondsOf(work: () => void): number {
  const before = ticksOfEnded();
  work();
  return (ticksOfEnded() - before) / 100;
}
/** `cutime` and `cstime` of proc(5), in hundredths of a second. */
function ticksOfEnded(): number {
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return Number(fields[13]) + Number(fields[14]);
}
