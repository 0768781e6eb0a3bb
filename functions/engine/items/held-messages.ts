import type { Band } from "../../core/plan/priority-band.ts";
import type { Context } from "../context.ts";
import type { Owned } from "../item-kinds.ts";
import type { Item, Key, OutgoingMessage } from "../ports.ts";
import { eq } from "./conditions.ts";

/**
 * A message that is kept in the store in place of its queue: parked because of a pause, or in the backlog of a queue
 * that has a cap. Whoever keeps one puts it, THEN acknowledges what it came from. Whoever sends one sends it, THEN
 * removes or shortens it if its token is still the one that was read. So a message may be sent twice, and never is lost.
 */
export interface HeldAttributes extends Owned {
  /** Names the last write of the message, so that nobody removes what was kept again. */
  readonly token: string;
  readonly queue: string;
  readonly band: Band;
  readonly body: OutgoingMessage["body"];
}
export interface Held extends HeldAttributes {
  readonly key: Key;
}
export function asHeld({ key, attributes }: Item): Held {
  return { key, ...(attributes as unknown as HeldAttributes) };
}
/** Removes messages that were sent, unless they have been kept again. 1 write unit for each. */
export async function removeHeld(context: Context, held: readonly Held[]): Promise<void> {
  await context.store.writeMany(
    held.map(({ key, token }) => ({ op: "remove" as const, key, when: eq("token", token) })),
  );
}
