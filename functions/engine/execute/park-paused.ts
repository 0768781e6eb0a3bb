import { type PauseTarget, pauseText } from "../../core/pause.ts";
import { park } from "../admission/park.ts";
import { mayBePaused, pausedBy } from "../admission/pauses.ts";
import { DONE, type MemberOutcome } from "../attempt/member-outcome.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { placeOf } from "../plan/step-placement.ts";
import { yieldTurn } from "../waits/limits.ts";
import type { Ready, Report } from "./member-reports.ts";

/**
 * Parks the members of a message that must not start because of a pause. They need no message of their queue then. A
 * message of members that several pauses hold becomes one for each. When a pause ends meanwhile, its members are
 * delivered again.
 */
export async function parkPaused(
  context: Context,
  header: Header,
  members: readonly Ready[],
): Promise<{ readonly ready: readonly Ready[]; readonly parked: readonly Report[] }> {
  if (members.length === 0 || !(await mayBePaused(context, header))) return { ready: members, parked: [] };
  const ready: Ready[] = [];
  const held = new Map<string, { readonly target: PauseTarget; readonly members: Ready[] }>();
  for (const member of members) {
    const target = await pausedBy(context, header, member.step);
    if (!target) ready.push(member);
    else {
      if (member.run?.parked) await yieldTurn(context, member.run);
      const key = pauseText(target);
      const together = held.get(key) ?? { target, members: [] };
      together.members.push(member);
      held.set(key, together);
    }
  }
  const parked: Report[] = [];
  for (const { target, members: together } of held.values()) {
    const { ref, step } = together[0] as Ready;
    const indexes = together.map((member) => member.ref.index);
    const message = { kind: "members" as const, gid: ref.gid, step: ref.stepIndex, members: indexes };
    const kept = await park(context, header, target, { message, place: placeOf(context, step) });
    const outcome: MemberOutcome = kept ? DONE : { kind: "later", delaySeconds: 0 };
    parked.push(...together.map((member) => ({ ref: member.ref, outcome })));
  }
  return { ready, parked };
}
