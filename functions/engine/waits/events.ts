import { FanfoldError } from "../../core/errors.ts";
import { assertJson } from "../../core/json-check.ts";
import type { Json } from "../../core/json.ts";
import { nameProblem } from "../../core/names/names.ts";
import { isShared } from "../../core/plan/run-id.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { eventItemKey, type Header, ITEM_VERSION, ownedBy, waiterKey, waiterPartition } from "../item-kinds.ts";
import { asSentEvent, asWaiter } from "../items/event-items.ts";
import { allOf } from "../items/all-of.ts";
import { absent } from "../items/conditions.ts";
import { readHeader } from "../items/header-reads.ts";
import { setAnswer } from "../items/header-writes.ts";
import { keepBlobs } from "../items/shared-blobs.ts";
import { keepValue } from "../items/values.ts";
import { sendControl } from "../messages/send.ts";
import { wakeRun } from "./deferred.ts";
import { dependencyOf } from "./dependencies.ts";

/**
 * Sends an event to a job. Every run of the job that waits for an event of this name, now or later, is given the value.
 * The first event of a name stays. Returns false when there was one before, or the job has ended. Throws `job_not_found`, `invalid_request`.
 */
export async function sendEvent(context: Context, jobId: string, name: string, value: Json): Promise<boolean> {
  const problem = nameProblem(name);
  if (problem !== undefined)
    throw new FanfoldError("invalid_request", `the name of an event ${problem}`, { details: { field: "{name}" } });
  assertJson(value, "/value");
  const root = await readHeader(context, jobId);
  if (!root?.job) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  await keepBlobs(context, value, root.ttl);
  const sentBy = context.ids.token();
  const kept = await keepValue(context, `${jobId}/event/${sentBy}`, value);
  const attributes = { ...ownedBy(root), sentBy, at: context.clock.now(), ...kept };
  const { item } = await context.store.write({ op: "put", key: eventItemKey(jobId, name), attributes, when: absent() });
  for await (const { items } of allOf((after) => context.store.query("tasks", waiterPartition(jobId, name), after))) {
    await eachBounded(items, WOKEN_AT_ONCE, async (item) => {
      const { gid, runId } = asWaiter(item);
      if (gid !== undefined) await wake(context, gid);
      else if (runId !== undefined) await wakeRun(context, runId, [dependencyOf("event", name)]);
    });
  }
  // What waits below the root of an ended job may still have to end, but nothing is given the value.
  return root.outcome === undefined && asSentEvent(item)?.sentBy === sentBy;
}

const WOKEN_AT_ONCE = 16;

/**
 * Subscribes a group that waits for an event, THEN checks for the event. A sender puts the event, THEN reads the
 * subscribers. So one of the two sees both.
 */
export async function subscribe(context: Context, header: Header): Promise<void> {
  if (header.wait?.of !== "event") return;
  const { jobId } = header;
  if (isShared(jobId)) {
    await setAnswer(context, header.gid, { ownError: NO_EVENTS, answerId: "shared" });
    return sendControl(context, { kind: "answered", gid: header.gid });
  }
  const attributes = { v: ITEM_VERSION, jobId, ttl: header.ttl, gid: header.gid };
  const key = waiterKey(jobId, header.wait.name, context.ids.hash(header.gid));
  await context.store.write({ op: "put", key, attributes, when: absent() });
  await wake(context, header.gid);
}
const NO_EVENTS = {
  name: "SharedRun",
  message: "no event can be sent below a run that jobs share: wait in a run of the job",
  reason: "shared_run",
  retryable: false,
} as const;
/** Seals a waiting group with its event if that has been sent. */
async function wake(context: Context, gid: string): Promise<void> {
  const header = await readHeader(context, gid);
  if (header?.wait?.of !== "event") return;
  if (header.memberCount !== undefined || header.outcome) return sendControl(context, { kind: "answered", gid });
  const event = asSentEvent(
    await context.store.get(eventItemKey(header.jobId, header.wait.name), { consistent: true }),
  );
  if (!event) return;
  const { value, valueRef, sentBy } = event;
  const ownValue = valueRef === undefined ? { value: value ?? null } : { valueRef };
  await setAnswer(context, gid, { ownValue, answerId: sentBy });
  await sendControl(context, { kind: "answered", gid });
}
