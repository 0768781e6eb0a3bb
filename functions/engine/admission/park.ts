import type { PauseTarget } from "../../core/pause.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import { removeHeld } from "../items/held-messages.ts";
import { isPaused, putParked, readPause } from "../items/pause-items.ts";
import { turnOf } from "../messages/send.ts";
import { encodeMessage, type EngineMessage } from "../messages/wire.ts";
import type { Place } from "../plan/step-placement.ts";

/**
 * Keeps the message of members that must not start because of a pause, in place of their queue. So they cost no claim
 * and no worker while they wait. Returns false when the pause has ended meanwhile; then nothing is kept.
 *
 *     who parks:    message kept   -> pause read
 *     who resumes:  pause resuming -> messages read and sent
 *
 * One of the two sees both, so no message stays behind. The message may be acknowledged once it is kept.
 */
export async function park(
  context: Context,
  header: Header,
  target: PauseTarget,
  { message, place }: { readonly message: Extract<EngineMessage, { kind: "members" }>; readonly place: Place },
): Promise<boolean> {
  const parked = await putParked(context, target, {
    ...ownedBy(header),
    ...turnOf(header),
    ...place,
    body: encodeMessage(message),
  });
  const pause = await readPause(context, target);
  if (pause && isPaused(pause)) return true;
  context.pauses.forget();
  await removeHeld(context, [parked]);
  return false;
}
