import type { RunLimits } from "../../core/task/run-limits.ts";
import { FanfoldError } from "../../core/errors.ts";
import type { LockFamily } from "../items/lock-items.ts";

/** A place of a concurrency limit, or a lock in a mode: what one run holds while its code executes. */
export type Lock =
  | { readonly mode: "place"; readonly limit: number; readonly key: string }
  | { readonly mode: "write" | "read"; readonly key: string };

export const familyOf = ({ mode }: Lock): LockFamily => (mode === "place" ? "s" : "l");

/** Returns a lock as `unmet` names it, after `lock:`. */
export function lockName(lock: Lock): string {
  const mode = lock.mode === "place" ? String(lock.limit) : lock.mode;
  return `${mode}#${lock.key}`;
}
export function parseLock(name: string): Lock {
  const at = name.indexOf("#");
  const mode = name.slice(0, at);
  const key = name.slice(at + 1);
  if (mode === "write" || mode === "read") return { mode, key };
  const limit = Number(mode);
  if (at < 1 || !(limit >= 1)) throw new FanfoldError("internal", `${name} names no lock`, { details: { name } });
  return { mode: "place", limit, key };
}

/**
 * Returns what a run must hold, in the order in which all runs take it, so that no two wait for each other. Of two locks
 * with one key a write lock is enough. `task` is the default key.
 */
export function locksOf({ concurrency, locks = [] }: RunLimits, task: string): readonly Lock[] {
  const byKey = new Map<string, Lock>();
  for (const { key, mode = "write" } of locks) if (byKey.get(key)?.mode !== "write") byKey.set(key, { mode, key });
  const wanted: Lock[] = [...byKey.values()];
  if (concurrency) wanted.push({ mode: "place", limit: concurrency.limit, key: concurrency.key ?? task });
  const order = (lock: Lock): string => `${familyOf(lock)}#${lock.key}`;
  return wanted.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
}
