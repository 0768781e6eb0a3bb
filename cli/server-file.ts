import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How the commands of the same user find the dev server of a data folder. Holds its token: readable by the owner only. */
export interface ServerFile {
  readonly url: string;
  /** Absent with --no-auth. */
  readonly token?: string;
  readonly pid: number;
}

const fileOf = (dataFolder: string): string => join(dataFolder, "server.json");

/** Appears whole: written beside, then renamed. A file left by somebody else would keep its mode, so it is made anew. */
export function writeServerFile(dataFolder: string, server: ServerFile): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const draft = `${fileOf(dataFolder)}.${process.pid}`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(server)}\n`, { mode: 0o600, flag: "wx" });
  renameSync(draft, fileOf(dataFolder));
}

/** Only our own: a server that was started since has written another. */
export function removeServerFile(dataFolder: string): void {
  if (readServerFile(dataFolder)?.pid === process.pid) rmSync(fileOf(dataFolder), { force: true });
}

/** undefined: no server was started here, or it was stopped. One that was killed leaves its file behind: `pid` tells. */
export function readServerFile(dataFolder: string): ServerFile | undefined {
  try {
    const { url, token, pid } = JSON.parse(readFileSync(fileOf(dataFolder), "utf8")) as Partial<ServerFile>;
    return typeof url === "string" && typeof pid === "number" ? { url, pid, ...(typeof token === "string" && { token }) } : undefined;
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
