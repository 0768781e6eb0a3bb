import { countOf } from "../core/counts.ts";
import type { RunRef } from "../core/run-id.ts";
import type { Context } from "./context.ts";
import type { Header, RunAttributes } from "./items.ts";

/** What a group's header says of revoked members. */

/** The step from which a member is revoked; infinite: it is not. */
export function revokedFrom(header: Header, index: number): number {
  let from = Number.POSITIVE_INFINITY;
  for (const mark of header.revoked ?? []) {
    const [member, step] = mark.split("~");
    if (Number(member) === index) from = Math.min(from, Number(step));
  }
  return from;
}
export const isRevoked = (header: Header, ref: Pick<RunRef, "index" | "step">): boolean =>
  header.revoked !== undefined && ref.step >= revokedFrom(header, ref.index);

export function revokedAttributes(context: Context): Pick<RunAttributes, "status" | "counts" | "endedAt" | "error"> {
  return { status: "cancelled", counts: countOf("cancelled"), endedAt: context.clock.now(), error: REVOKED };
}
export const REVOKED = { name: "Revoked", message: "the run was revoked", reason: "revoked", retryable: false } as const;
