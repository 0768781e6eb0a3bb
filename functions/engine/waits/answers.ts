import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { childGroupOf, ownerOf } from "../../core/plan/run-id.ts";
import type { ErrorData } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { setAnswer } from "../items/header-writes.ts";
import { shortError } from "../items/short-error.ts";
import { keepValue } from "../items/values.ts";
import { sendControl } from "../messages/send.ts";

/**
 * Runs that wait for somebody (docs/adr/0008). Such a run waits for a group without members that is not sealed: the answer seals it, and everything else, revocation,
 * cancel, expiry, repair, is that of any group.
 */
export type Answer = { readonly value: Json } | { readonly error: ErrorData };

/** Answers one run. `false`: it was answered before, or has ended otherwise. Throws `run_not_found`, `invalid_request` (a wrong token), `payload_too_large`. */
export async function completeRun(context: Context, runId: string, token: string, answer: Answer): Promise<boolean> {
  const header = await readHeader(context, childGroupOf(runId));
  if (!header?.wait) throw new FanfoldError("run_not_found", `no run ${runId} waits for an answer`, { details: { runId } });
  if (header.wait.of !== "approval" || header.token !== token) {
    throw new FanfoldError("invalid_request", "this is not the token that the run waits with: read it from the run", { details: { field: "token" } });
  }
  return answerGroup(context, header, answer);
}
async function answerGroup(context: Context, header: Header, answer: Answer): Promise<boolean> {
  const { after, answerId } = await seal(context, header, answer);
  // What follows is the engine's: whoever answers may be gone by then.
  if (after) await sendControl(context, { kind: "answered", gid: header.gid });
  return after?.answerId === answerId;
}
/** The one write that is the answer. What follows from it, `recheckEdges`, is not done yet. */
export async function seal(context: Context, header: Header, answer: Answer): Promise<{ readonly after: Header | undefined; readonly answerId: string }> {
  const answerId = context.ids.token();
  const name = `${header.jobId}/value/${ownerOf(header.gid) ?? header.gid}/${header.round}/answer/${answerId}`;
  const kept = "value" in answer ? { ownValue: await keepValue(context, name, answer.value) } : { ownError: { ...shortError(answer.error), retryable: false } };
  const { header: after } = await setAnswer(context, header.gid, { ...kept, answerId });
  return { after, answerId };
}
