import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
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

/**
 * Returns the token of the dev server of a data folder, and makes it at the first start. It stays the same at every
 * start, so a page that is open goes on after one. Remove the file to have another token.
 */
export function tokenOf(dataFolder: string): string {
  const path = join(dataFolder, "token");
  const known = readToken(path);
  if (known !== undefined) return known;
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const token = randomBytes(24).toString("base64url");
  const draft = `${path}.${process.pid}`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: "wx" });
  renameSync(draft, path);
  return token;
}
function readToken(path: string): string | undefined {
  try {
    // Others could have read a file whose mode was changed.
    if ((statSync(path).mode & 0o077) !== 0) return undefined;
    return /^[\w-]{32,}$/.exec(readFileSync(path, "utf8").trim())?.[0];
  } catch {
    return undefined;
  }
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
