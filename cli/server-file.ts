import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Tells a user's commands where the dev server of a data folder is. It holds the server's token, so only the owner may
 * read it.
 */
export interface ServerFile {
  readonly url: string;
  /** Absent with --no-auth. */
  readonly token?: string;
  readonly pid: number;
}

const fileOf = (dataFolder: string): string => join(dataFolder, "server.json");

/**
 * Writes a draft and renames it, so the file appears whole. A leftover draft would keep its mode, so it is removed
 * first.
 */
export function writeServerFile(dataFolder: string, server: ServerFile): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const draft = `${fileOf(dataFolder)}.${process.pid}`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(server)}\n`, { mode: 0o600, flag: "wx" });
  renameSync(draft, fileOf(dataFolder));
}

/** Removes the file only when this process wrote it, because a newer server may have replaced it. */
export function removeServerFile(dataFolder: string): void {
  if (readServerFile(dataFolder)?.pid === process.pid) rmSync(fileOf(dataFolder), { force: true });
}

/**
 * Returns undefined when no server was started here, or it was stopped. A killed server leaves its file behind, so its
 * `pid` must be checked.
 */
export function readServerFile(dataFolder: string): ServerFile | undefined {
  try {
    const { url, token, pid } = JSON.parse(readFileSync(fileOf(dataFolder), "utf8")) as Partial<ServerFile>;
    return typeof url === "string" && typeof pid === "number"
      ? { url, pid, ...(typeof token === "string" && { token }) }
      : undefined;
  } catch {
    return undefined;
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
