import { countOf } from "../../core/plan/counts.ts";
import type { Context } from "../context.ts";
import type { RunAttributes } from "../item-kinds.ts";

/** The error of a run that was revoked, by its id or by a stamp that it carries. */
export const REVOKED = {
  name: "Revoked",
  message: "the run was revoked",
  reason: "revoked",
  retryable: false,
} as const;

/** Returns the attributes with which a revoked run ends. */
export function revokedAttributes(context: Context): Pick<RunAttributes, "status" | "counts" | "endedAt" | "error"> {
  return { status: "cancelled", counts: countOf("cancelled"), endedAt: context.clock.now(), error: REVOKED };
}
