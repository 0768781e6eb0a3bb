import { createHash } from "node:crypto";
import { mkdirSync, realpathSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { FanfoldError } from "../functions/core/errors.ts";

/** Returns the real path of a folder, so the same folder is always the same demo, whatever links lead to it. */
export function realFolder(dir: string): string {
  try {
    const folder = realpathSync(resolve(dir));
    if (statSync(folder).isDirectory()) return folder;
  } catch (cause) {
    throw new FanfoldError(
      "invalid_request",
      `there is no folder ${dir} that can be read (${(cause as NodeJS.ErrnoException).code})`,
      {
        details: { field: "DIR" },
        cause,
      },
    );
  }
  throw new FanfoldError("invalid_request", `${dir} is not a folder`, { details: { field: "DIR" } });
}

/**
 * Returns where the demo of a folder keeps its state. The place is outside of the folder, because the demo would
 * otherwise walk its own database. Each folder has one place, so the same command finds an interrupted job again.
 */
export function demoData(folder: string, asked: string | undefined): string {
  if (asked !== undefined) {
    if (isInside(folder, realPathOf(asked))) throw insideError(asked, folder);
    return asked;
  }
  const name = `demo-${createHash("sha256").update(folder).digest("hex").slice(0, 16)}`;
  const state = process.env["XDG_STATE_HOME"] || join(homedir(), ".local/state");
  for (const base of [join(state, "fanfold"), join(tmpdir(), "fanfold")]) {
    if (!isInside(folder, realPathOf(base)) && isWritable(base)) return join(base, name);
  }
  throw insideError(state, folder);
}

function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}

/** Returns the real path of a path whose end need not exist yet. */
function realPathOf(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(realPathOf(parent), relative(parent, absolute));
  }
}
function isInside(folder: string, path: string): boolean {
  const route = relative(folder, path);
  return route === "" || (route !== ".." && !route.startsWith("../"));
}

function insideError(path: string, folder: string): FanfoldError {
  return new FanfoldError(
    "invalid_request",
    `the state cannot be kept in ${path}, which is inside of ${folder}; name a folder outside with --data`,
    {
      details: { field: "--data" },
    },
  );
}
