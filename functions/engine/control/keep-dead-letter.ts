import type { Json, JsonObject } from "../../core/json.ts";
import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { errorData } from "../../core/task/error-data.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import { type DeadLetterAttributes, putDeadLetter } from "../items/dead-letter-items.ts";
import { shortError } from "../items/short-error.ts";
import { decodeMessage } from "../messages/wire.ts";
import { queueOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import { PortError, type ReceivedMessage } from "../ports.ts";

/**
 * Keeps a message that was given up as a dead letter, before it is acknowledged. So it is always in its queue, or with
 * the dead letters, or both. Costs one write, and a few reads to say what the message is about.
 */
export async function keepDeadLetter(
  context: Context,
  { queue, body }: Pick<ReceivedMessage, "queue" | "body">,
  why: Pick<DeadLetterAttributes, "reason" | "runId"> & { readonly error?: unknown },
): Promise<void> {
  const { error, ...reason } = why;
  await putDeadLetter(context, {
    queue,
    body,
    redrives: redrivesOf(body),
    ...reason,
    ...(error !== undefined && { error: shortError(errorData(error)) }),
    ...(await describe(context, body)),
  });
  context.watch?.gaveUp(queue, reason.reason);
}

/** Returns what can be said about a message. Its queue is that of its runs, when the message says no more itself. */
async function describe(context: Context, body: Json): Promise<Partial<DeadLetterAttributes>> {
  const message = decodeMessage(body);
  if (!message) return {};
  if (message.kind === "executionEnded") return { kind: message.kind, about: message.execution, queue: ENGINE_QUEUE };
  if (message.kind === "schedule") return { kind: message.kind, about: message.name, queue: ENGINE_QUEUE };
  if (message.kind === "drain") return { kind: message.kind, about: message.target, queue: ENGINE_QUEUE };
  if (message.kind === "dispatch") return { kind: message.kind, about: message.queue, queue: ENGINE_QUEUE };
  if (message.kind === "refresh") return { kind: message.kind, about: message.task, queue: ENGINE_QUEUE };
  if (message.kind === "schedules") return { kind: message.kind, queue: ENGINE_QUEUE };
  if (message.kind === "bulk" || message.kind === "pass") return { kind: message.kind, task: message.task };
  const about = { kind: message.kind, about: message.gid };
  if (message.kind !== "members") return { ...about, queue: ENGINE_QUEUE };
  try {
    const header = await readHeader(context, message.gid);
    if (!header || header.pages) return { ...about, ...(header && { queue: ENGINE_QUEUE }) };
    const index = message.members[0] as number;
    const step = (await strandOf(context, header, { gid: message.gid, index, stepIndex: message.step })).strand[
      message.step
    ];
    if (!step) return about;
    return { ...about, queue: queueOf(context, step), ...(!isGroupStep(step) && { task: step.task }) };
  } catch (error) {
    if (error instanceof PortError) throw error;
    return about; // What cannot be read is why the message was given up.
  }
}

/** Messages that are sent again carry how often. */
function redrivesOf(body: Json): number {
  const redrives = isMessage(body) ? body["redrives"] : undefined;
  return typeof redrives === "number" ? redrives : 0;
}
export function redrivenBody(body: Json): Json {
  return isMessage(body) ? { ...body, redrives: redrivesOf(body) + 1 } : body;
}
/** Returns whether a body has the form of a message of this engine, of whatever release. */
export function isMessage(body: Json): body is JsonObject {
  return (
    typeof body === "object" && body !== null && !Array.isArray(body) && typeof (body as JsonObject)["v"] === "number"
  );
}
