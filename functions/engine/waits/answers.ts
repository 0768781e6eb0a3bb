import { FanfoldError } from "../../core/errors.ts";
import { assertJson } from "../../core/json-check.ts";
import type { Json } from "../../core/json.ts";
import { ownerOf } from "../../core/plan/run-id.ts";
import type { ErrorData } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { setAnswer } from "../items/header-writes.ts";
import { childGroup, readRunById } from "../items/run-reads.ts";
import { shortError } from "../items/short-error.ts";
import { keepBlobs } from "../items/shared-blobs.ts";
import { keepValue } from "../items/values.ts";
import { sendControl } from "../messages/send.ts";

/**
 * The answer to a run that waits for a person or for work outside (docs/adr/0008). The run waits for a group that has
 * no members and is not sealed. The answer seals the group. Revocation, cancel, expiry and repair work as for any
 * group.
 */
export type Answer = { readonly value: Json } | { readonly error: ErrorData };

/**
 * Answers one run. Returns false when it was answered before, or has ended otherwise. Throws `run_not_found`,
 * `wrong_token`, `invalid_json`, `payload_too_large`.
 */
export async function completeRun(context: Context, runId: string, token: string, answer: Answer): Promise<boolean> {
  if ("value" in answer) assertJson(answer.value, "/value");
  const run = await readRunById(context, runId);
  const header = run && (await readHeader(context, childGroup(run)));
  if (!header?.wait)
    throw new FanfoldError("run_not_found", `no run ${runId} waits for an answer`, { details: { runId } });
  if (header.wait.of !== "approval" || header.token !== token) {
    throw new FanfoldError("wrong_token", "this is not the token that the run waits with: read it from the run", {
      details: { field: "/token" },
    });
  }
  return answerGroup(context, header, answer);
}
async function answerGroup(context: Context, header: Header, answer: Answer): Promise<boolean> {
  const { after, answerId } = await writeAnswer(context, header, answer);
  // The engine's own queue does what follows, because the process that answers may die before that is done.
  if (after) await sendControl(context, { kind: "answered", gid: header.gid });
  return after?.answerId === answerId;
}
/** Writes an answer, which seals its group. The caller must call `recheckEdges` afterwards. */
export async function writeAnswer(
  context: Context,
  header: Header,
  answer: Answer,
): Promise<{ readonly after: Header | undefined; readonly answerId: string }> {
  if ("value" in answer) await keepBlobs(context, answer.value, header.ttl);
  const answerId = context.ids.token();
  const name = `${header.jobId}/value/${ownerOf(header.gid) ?? header.gid}/${header.round}/answer/${answerId}`;
  const kept =
    "value" in answer
      ? { ownValue: await keepValue(context, name, answer.value) }
      : { ownError: { ...shortError(answer.error), retryable: false } };
  const { header: after } = await setAnswer(context, header.gid, { ...kept, answerId });
  return { after, answerId };
}
