import { jobIdOf, type RunRef } from "../../functions/core/plan/run-id.ts";
import { isRevokedById } from "../../functions/engine/groups/revocations.ts";
import type { Header } from "../../functions/engine/item-kinds.ts";

/** Remembers what headers have revoked, because a later round takes it back. */
export class EverRevoked {
  readonly #members = new Map<string, ReadonlySet<string>>();
  readonly #stamps = new Map<string, ReadonlySet<string>>();

  note({ gid, revoked = NONE, revokedStamps = NONE }: Header): void {
    this.#members.set(gid, new Set([...(this.#members.get(gid) ?? NONE), ...revoked]));
    this.#stamps.set(gid, new Set([...(this.#stamps.get(gid) ?? NONE), ...revokedStamps]));
  }
  byId(header: Header, ref: RunRef): boolean {
    return isRevokedById({ ...header, revoked: this.#members.get(ref.gid) ?? NONE }, ref);
  }
  byStamp(gid: string, stamps: readonly string[]): boolean {
    const revoked = this.#stamps.get(jobIdOf(gid)) ?? NONE;
    return stamps.some((stamp) => revoked.has(stamp));
  }
}
const NONE: ReadonlySet<string> = new Set();
