import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** One incarnation of a process. A pid alone is not enough: it is given out again, soon after a reboot above all. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in clock ticks since boot, as Linux tells it; absent elsewhere. */
  readonly started?: string;
  /** Milliseconds since the epoch at which the machine booted, about. */
  readonly bootedAt: number;
}

/** Suspended time and clock changes move the computed boot time a little. */
const BOOT_TOLERANCE_MS = 60_000;

export function identityOf(pid: number): ProcessIdentity {
  const started = startTicks(pid);
  return { pid, ...(started === undefined ? {} : { started }), bootedAt: Math.round(Date.now() - uptime() * 1_000) };
}
export function isAlive(identity: ProcessIdentity): boolean {
  if (!exists(identity.pid)) return false;
  const now = identityOf(identity.pid);
  if (identity.started !== undefined) return identity.started === now.started;
  return Math.abs(identity.bootedAt - now.bootedAt) < BOOT_TOLERANCE_MS;
}
/** What `identityOf` gave and somebody wrote to a file as JSON. undefined: there is no such file, or its writer died while it wrote. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as Partial<ProcessIdentity> | null;
    return value && typeof value.pid === "number" && typeof value.bootedAt === "number" ? (value as ProcessIdentity) : undefined;
  } catch {
    return undefined;
  }
}
let boot: string | undefined;
/** Names the time since the machine was started, with which its memory of files goes. undefined: this system does not tell. */
export function bootId(): string | undefined {
  try {
    if (process.platform === "linux") boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    if (process.platform === "darwin") boot ??= execFileSync("sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" }).trim();
  } catch {
    // As on other systems.
  }
  return boot || undefined;
}
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
/** Field 22 of /proc/<pid>/stat. The name in field 2 may hold spaces and parentheses, so fields are counted from its last one. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only its parent has not noticed yet.
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
