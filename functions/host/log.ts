import type { JsonObject } from "../core/json.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
/** Reports what an operator should know. Worker processes report through their parent. */
export type Log = (level: LogLevel, message: string, fields?: JsonObject) => void;

/** Writes warnings and errors to stderr, one line each. stdout belongs to the command that embeds the runtime. */
export const stderrLog: Log = (level, message, fields) => {
  if (level === "debug" || level === "info") return;
  process.stderr.write(`fanfold ${level}: ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}\n`);
};

/** Returns a log that writes at most one line of a kind per interval. The next line says how many were suppressed. */
export function rateLimited(
  log: Log,
  everyMs: number,
): (kind: string, level: LogLevel, message: string, fields?: JsonObject) => void {
  const kinds = new Map<string, { at: number; suppressed: number }>();
  return (kind, level, message, fields) => {
    const now = performance.now();
    const last = kinds.get(kind);
    if (last && now - last.at < everyMs) {
      last.suppressed++;
      return;
    }
    log(level, message, last?.suppressed ? { ...fields, alsoSuppressed: last.suppressed } : fields);
    kinds.set(kind, { at: now, suppressed: 0 });
  };
}

/** Returns what reports that a resource of tasks could not be closed. */
export function closeFailure(log: Log): (resource: string, error: unknown) => void {
  return (resource, error) => log("warn", "a resource could not be closed", { resource, cause: messageOf(error) });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
