import { assertNever } from "../../core/errors.ts";
import type { ExecuteContext } from "../execute/execute-context.ts";
import { handleMembers } from "../execute/handle-members.ts";
import { follow, type FollowOptions } from "../follow/follow.ts";
import { recheckEdges } from "../follow/seal-group.ts";
import { expandMembers } from "../groups/expand-group.ts";
import { readGate } from "../groups/gate.ts";
import { decodeMessage } from "../messages/wire.ts";
import type { Disposition, ReceivedMessage } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { attendExecution, attendJob, executionEnded } from "./attend-execution.ts";
import { applyRevocation } from "./revoke-run.ts";
import { applyStampRevocation } from "./revoke-stamped.ts";
import { sweepGroup } from "./sweep-group.ts";

/** Handles one message of any queue. A message for which this throws must not be acknowledged. */
export async function handleMessage(
  context: ExecuteContext,
  received: ReceivedMessage,
  loop: WorkerLoop,
  { mayHandOver }: Required<Pick<FollowOptions, "mayHandOver">> = { mayHandOver: false },
): Promise<Disposition> {
  const message = decodeMessage(received.body);
  if (!message) return { kind: "dead", reason: "not a message of this engine, or of a version it does not know" };
  switch (message.kind) {
    case "members":
      return handleMembers(context, message, received.receives, loop);
    case "expand": {
      const gate = await readGate(context, message.gid);
      if (gate.kind === "go" && gate.header.plan !== undefined)
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
    case "sweep":
      await sweepGroup(context, message, received.receives > 1);
      break;
    default:
      return assertNever(message);
  }
  return { kind: "done" };
}
