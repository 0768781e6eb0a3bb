import { assertNever } from "../../core/errors.ts";
import { MAX_RECEIVES } from "../../core/names/queue-name.ts";
import type { ExecuteContext } from "../execute/execute-context.ts";
import { handleBulk } from "../execute/handle-bulk.ts";
import { mayBeSolo } from "../execute/gather-solos.ts";
import { handleMembers } from "../execute/handle-members.ts";
import { endPass } from "../execute/passes.ts";
import { follow, type FollowOptions } from "../follow/follow.ts";
import { recheckEdges } from "../follow/seal-group.ts";
import { wakeDependents } from "../follow/wake-dependents.ts";
import { wakePage } from "../follow/wake-subscribers.ts";
import { expandMembers } from "../groups/expand-group.ts";
import { readGate } from "../groups/gate.ts";
import { decodeMessage } from "../messages/wire.ts";
import type { Disposition, ReceivedMessage } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { attendExecution, attendJob, executionEnded } from "./attend-execution.ts";
import { dispatch } from "./dispatch.ts";
import { drainParked } from "./pauses.ts";
import { fireSchedule } from "./fire-schedule.ts";
import { refreshPage } from "./refresh-outdated.ts";
import { isMessage, keepDeadLetter } from "./keep-dead-letter.ts";
import { applyRevocation } from "./revoke-run.ts";
import { applyStampRevocation } from "./revoke-stamped.ts";
import { sweepGroup } from "./sweep-group.ts";
import { syncSchedules } from "./sync-schedules.ts";

/**
 * Waits for a release that knows the message, since a roll-out may be under way. Its queue gives it up at about the end
 * of the grace. What has not even the form of a message is given up at once.
 */
async function notUnderstood(context: ExecuteContext, received: ReceivedMessage): Promise<Disposition> {
  if (isMessage(received.body) && received.receives <= MAX_RECEIVES)
    return { kind: "later", delaySeconds: Math.ceil(context.config.unknownTaskGraceSeconds / MAX_RECEIVES) };
  await keepDeadLetter(context, received, { reason: "not_understood" });
  return { kind: "done" };
}

/** Handles one message of any queue. A message for which this throws must not be acknowledged. */
export async function handleMessage(
  context: ExecuteContext,
  received: ReceivedMessage,
  loop: WorkerLoop,
  { mayHandOver }: Required<Pick<FollowOptions, "mayHandOver">> = { mayHandOver: false },
): Promise<Disposition> {
  const message = decodeMessage(received.body);
  if (!message) return notUnderstood(context, received);
  switch (message.kind) {
    case "members":
      return mayBeSolo(message, received)
        ? context.solos.handle(context, { message, received, loop })
        : handleMembers(context, message, received, loop);
    case "bulk":
      return handleBulk(context, message, received, loop);
    case "pass":
      return endPass(context, message, received.queue, loop);
    case "expand": {
      const gate = await readGate(context, message.gid);
      if (gate.kind === "go" && !gate.header.pages)
        await expandMembers(context, gate.header, message.from, Math.min(message.to, gate.header.memberCount ?? 0));
      break;
    }
    case "settle":
      await follow(context, [{ kind: "settle", gid: message.gid }], { mayHandOver });
      break;
    case "execution":
      await attendExecution(context, message.gid);
      break;
    case "executionEnded":
      await executionEnded(context, message.execution);
      break;
    case "answered":
      await recheckEdges(context, message.gid);
      break;
    case "cancel":
      // The message carries its round, so a late one does not end a round that was started since.
      await follow(context, [{ kind: "decide", gid: message.gid, round: message.round, outcome: "cancelled" }]);
      await attendJob(context, message.gid);
      break;
    case "revoke":
      await applyRevocation(context, message.gid, message.index);
      break;
    case "revokeStamped":
      await applyStampRevocation(context, message.gid, message.after);
      break;
    case "wake": {
      const woken = await wakePage(context, message);
      await follow(
        context,
        woken.map((run) => ({ kind: "run" as const, run })),
      );
      break;
    }
    case "dependents": {
      const woken = await wakeDependents(context, message.gid, undefined, message.after);
      await follow(
        context,
        woken.map((run) => ({ kind: "run" as const, run })),
      );
      break;
    }
    case "sweep":
      await sweepGroup(context, message, received.receives > 1);
      break;
    case "drain":
      await drainParked(context, message);
      break;
    case "dispatch":
      return dispatch(context, message, received.receives > 1);
    case "schedule":
      return fireSchedule(context, message.name, message.at);
    case "refresh":
      await refreshPage(context, message.task, message.version);
      break;
    case "schedules":
      await syncSchedules(context);
      break;
    default:
      return assertNever(message);
  }
  context.statistics.addQueue(context.clock.now(), received.queue, "messages");
  return { kind: "done" };
}
