import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/**
 * One incarnation of a process. A pid alone is not enough, because the system reuses it, most of all after a reboot.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start of the process in clock ticks since boot. Set only on Linux. */
  readonly started?: string;
  /** Approximate milliseconds since the epoch at which the machine booted. */
  readonly bootedAt: number;
}

/** Tolerance for the computed boot time, which suspended time and clock changes move a little. */
const BOOT_TOLERANCE_MS = 60_000;

export function identityOf(pid: number): ProcessIdentity {
  const started = startTicks(pid);
  return { pid, ...(started !== undefined && { started }), bootedAt: Math.round(Date.now() - uptime() * 1_000) };
}
export function isAlive(identity: ProcessIdentity): boolean {
  if (!exists(identity.pid)) return false;
  const now = identityOf(identity.pid);
  if (identity.started !== undefined) return identity.started === now.started;
  return Math.abs(identity.bootedAt - now.bootedAt) < BOOT_TOLERANCE_MS;
}
/** Reads an identity from a file with its JSON. Returns undefined when there is no such file or it is incomplete. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as Partial<ProcessIdentity> | null;
    return value && typeof value.pid === "number" && typeof value.bootedAt === "number"
      ? (value as ProcessIdentity)
      : undefined;
  } catch {
    return undefined;
  }
}
let boot: string | undefined;
/**
 * Returns the id of the machine's present boot, since each boot loses cached writes. Returns undefined where the system
 * has none.
 */
export function bootId(): string | undefined {
  try {
    if (process.platform === "linux") boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    if (process.platform === "darwin")
      boot ??= execFileSync("sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" }).trim();
  } catch {
    // Treated like a system without boot ids.
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
/**
 * Returns field 22 of /proc/<pid>/stat. Field 2 may contain spaces and parentheses, so fields are counted after the
 * last `)`.
 */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended, and only its parent has not noticed.
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
