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
 * and no worker while they wait. When the pause has ended meanwhile, the message is sent again. The one that is being
 * handled may be acknowledged either way.
 *
 *     who parks:    message kept   -> pause read     -> it has ended: message sent -> removed
 *     who resumes:  pause resuming -> messages read  -> message sent -> removed
 *
 * One of the two sees both, so no message stays behind. A message that is only removed could be lost: two deliveries of
 * it have one place, and the one that kept it first may be acknowledged already.
 */
export async function park(
  context: Context,
  header: Header,
  target: PauseTarget,
  { message, place }: { readonly message: Extract<EngineMessage, { kind: "members" }>; readonly place: Place },
): Promise<void> {
  const parked = await putParked(context, target, {
    ...ownedBy(header),
    ...turnOf(header),
    ...place,
    body: encodeMessage(message),
  });
  const pause = await readPause(context, target);
  if (pause && isPaused(pause)) return;
  context.pauses.forget();
  const { queue, band, jobId, body } = parked;
  await context.queue.send([{ queue, band, jobId, body }]);
  await removeHeld(context, [parked]);
}
