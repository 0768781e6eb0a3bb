import { spawnSync } from "node:child_process";
import { encodePath } from "../../functions/tasks/inventory/path-text.ts";

/** An inventory by find and sha256sum, which shares no code with ours. */
export interface StandardInventory {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly special: number;
  readonly bytes: number;
  /** Digests by path text. */
  readonly digests: ReadonlyMap<string, string>;
  readonly duplicates: ReadonlyMap<string, readonly string[]>;
}

/** Says why a test that compares with these tools was skipped. */
export const NEEDED_TOOLS = "needs GNU find, sha256sum and xargs";
/** Returns false where the tools are missing or not GNU's. */
export function hasStandardTools(): boolean {
  return ["find", "sha256sum", "xargs"].every(
    (tool) => spawnSync(tool, ["--version"]).stdout?.includes("GNU") ?? false,
  );
}

export function askStandardTools(folder: string): StandardInventory {
  const count = (...test: string[]): number => split(run("find", [folder, ...test, "-print0"])).length;
  const sizes = split(run("find", [folder, "-type", "f", "-printf", "%s\\0"]));
  const digests = new Map<string, string>();
  for (const line of split(
    run("bash", ["-c", 'cd "$1" && find . -type f -print0 | xargs -0r sha256sum -z --', "bash", folder]),
  )) {
    // A line is "<64 hex digits>  ./<path>".
    digests.set(encodePath(line.subarray(68)), line.toString("latin1", 0, 64));
  }
  const byDigest = new Map<string, string[]>();
  for (const [path, digest] of digests) byDigest.set(digest, [...(byDigest.get(digest) ?? []), path]);
  return {
    files: sizes.length,
    directories: count("-type", "d"),
    links: count("-type", "l"),
    special: count("!", "-type", "f", "!", "-type", "d", "!", "-type", "l"),
    bytes: sizes.reduce((sum, size) => sum + Number(size.toString("latin1")), 0),
    digests,
    duplicates: new Map([...byDigest].filter(([, paths]) => paths.length > 1)),
  };
}

function run(command: string, args: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync(command, args, {
    maxBuffer: 1024 * 1024 * 1024,
    env: { ...process.env, LC_ALL: "C" },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr?.toString()}`);
  return stdout;
}
function split(output: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0, end = output.indexOf(0); end >= 0; at = end + 1, end = output.indexOf(0, at))
    parts.push(output.subarray(at, end));
  return parts;
}
