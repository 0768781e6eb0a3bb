import type { LinkedError } from "./builder-types.ts";

/**
 * Stands in a list of results for a member that failed, cancelled ones included. Only the policies `settled`,
 * `threshold` and `percent` pass failures on.
 */
export interface FailedMember {
  readonly $error: LinkedError & { readonly status: "error" | "broken" | "cancelled" };
}

/**
 * Returns whether an entry of a list of results is a failed member.
 * @example for (const entry of results) if (!isFailedMember(entry)) total += entry;
 */
export function isFailedMember(entry: unknown): entry is FailedMember {
  if (typeof entry !== "object" || entry === null || Object.keys(entry).length !== 1) return false;
  const error = (entry as { readonly $error?: unknown }).$error;
  if (typeof error !== "object" || error === null) return false;
  const { runId, status } = error as { readonly runId?: unknown; readonly status?: unknown };
  return typeof runId === "string" && (status === "error" || status === "broken" || status === "cancelled");
}
