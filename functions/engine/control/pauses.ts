import { FanfoldError } from "../../core/errors.ts";
import { parseQueueName, requireQueue } from "../../core/names/queue-name.ts";
import { pauseTargetOf, type PauseTarget, pauseText } from "../../core/pause.ts";
import { capOf, holdRuns } from "../admission/backlog.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import {
  PARKED_SHARDS,
  endPause,
  isPaused,
  noteInForce,
  type Parked,
  type Pause,
  putPause,
  putResuming,
  queryParked,
  queryPauses,
  readPause,
} from "../items/pause-items.ts";
import { readHeader } from "../items/header-reads.ts";
import { removeHeld } from "../items/held-messages.ts";
import type { PauseView } from "../job-views.ts";
import { sendGeneral } from "../messages/send.ts";
import { decodeMessage, type DrainParked } from "../messages/wire.ts";
import { viewPause } from "../views/pauses.ts";

/** Parked messages that one message of a resume sends. */
const MESSAGES_PER_DRAIN = 1_000;
const READ_AT_ONCE = 100;

/**
 * Keeps runs from starting, as long as nobody resumes them. Those that run go on. Idempotent. Durable when it returns,
 * but other processes may start runs for as long as they remember what was paused. Throws `job_not_found`, `job_ended`,
 * `unknown_queue`, `unknown_task`, `invalid_request`.
 */
export async function pause(context: Context, given: PauseTarget): Promise<PauseView> {
  const target = known(context, given);
  if (target.kind === "job") await requireOpen(context, target.name);
  const now = context.clock.now();
  const put = await putPause(context, target, false);
  context.pauses.forget();
  const holds = put && (await noteInForce(context, put));
  if (holds) return viewPause(context, holds, now);
  throw jobEnded(target.name);
}
/**
 * Lets runs start again, and sends what was parked. Returns false when nothing is paused. Durable when it returns.
 * Throws `job_not_found`, `pause_in_config`, `invalid_queue_name`.
 */
export async function resume(context: Context, given: PauseTarget): Promise<boolean> {
  const target = { ...given, name: given.kind === "queue" ? fullName(context, given.name) : given.name };
  const seen = await readPause(context, target);
  if (!seen) {
    if (target.kind === "job" && !(await readHeader(context, target.name))) throw jobNotFound(target.name);
    return false;
  }
  if (seen.configured) {
    const message = `${pauseText(target)} is paused by process: false in fanfold.config.ts: change it there`;
    throw new FanfoldError("pause_in_config", message, { details: { kind: target.kind, name: target.name } });
  }
  await resumeSeen(context, seen);
  return true;
}
async function resumeSeen(context: Context, seen: Pause): Promise<void> {
  const resuming = await putResuming(context, seen);
  context.pauses.forget();
  // Somebody else has ended this pause, and may have begun another one.
  if (resuming?.pause === seen.pause) await sendDrain(context, seen, 0);
}
async function sendDrain(context: Context, { target, pause: token }: Pause, shard: number): Promise<void> {
  await sendGeneral(context, { kind: "drain", target: pauseText(target), pause: token, shard });
}

/**
 * Sends what was parked for a pause that ends, and ends it then. Send, then remove: a death in between sends twice. A
 * message that was parked again meanwhile stays.
 */
export async function drainParked(context: Context, { target, pause: token, shard }: DrainParked): Promise<void> {
  const seen = await readPause(context, pauseTargetOf(target));
  if (seen?.pause !== token || !seen.resuming) return;
  let sent = 0;
  for (let at = shard; at < PARKED_SHARDS; at++) {
    for await (const parked of queryParked(context, seen.target, at, READ_AT_ONCE)) {
      if (parked.length === 0) continue;
      await sendDrained(context, parked);
      await removeHeld(context, parked);
      sent += parked.length;
      if (sent >= MESSAGES_PER_DRAIN) return sendDrain(context, seen, at);
    }
  }
  await endPause(context, seen);
}

/** Sends parked messages. Those whose queue has a cap go to its backlog, so that a resume floods no queue. */
async function sendDrained(context: Context, parked: readonly Parked[]): Promise<void> {
  const free = parked.filter(({ queue }) => capOf(context, queue) === undefined);
  await context.queue.send(free.map(({ queue, band, jobId, body }) => ({ queue, band, jobId, body })));
  if (free.length === parked.length) return;
  const capped = parked.filter(({ queue }) => capOf(context, queue) !== undefined);
  await all(capped.map((message) => moveToBacklog(context, message)));
}
async function moveToBacklog(context: Context, { queue, band, body }: Parked): Promise<void> {
  const message = decodeMessage(body);
  const header = message?.kind === "members" ? await readHeader(context, message.gid) : undefined;
  // A group that was collected owes nothing.
  if (message?.kind !== "members" || !header) return;
  const { gid, step: stepIndex, members } = message;
  const place = { queue, band };
  await holdRuns(
    context,
    header,
    members.map((index) => ({ gid, index, stepIndex, place })),
  );
}

/**
 * Repairs pauses, once in each sweep: sends what a resume has left parked, and takes `process` of the configuration
 * over. One read, when nothing is paused.
 */
export async function sweepPauses(context: Context): Promise<void> {
  const { parkedSites } = context.config;
  const pauses = await queryPauses(context);
  for (const seen of pauses) {
    const allowed = parkedSites !== undefined && !parkedSites.includes(seen.target.name);
    if (seen.resuming) await sendDrain(context, seen, 0);
    else await noteInForce(context, seen);
    if (!seen.resuming && seen.configured && allowed) await resumeSeen(context, seen);
  }
  const paused = new Set(pauses.filter(isPaused).map((seen) => pauseText(seen.target)));
  for (const name of parkedSites ?? [])
    if (!paused.has(pauseText({ kind: "site", name }))) await putPause(context, { kind: "site", name }, true);
}

/** Repairs the pause of one job. Whoever paused or resumed it may have died before the last step. */
export async function sweepPauseOfJob(context: Context, jobId: string): Promise<void> {
  const seen = await readPause(context, { kind: "job", name: jobId });
  if (seen?.resuming) await sendDrain(context, seen, 0);
  else if (seen) await noteInForce(context, seen);
}

/** Returns the target with its full name. Throws when it names nothing of this deployment. */
function known(context: Context, { kind, name }: PauseTarget): PauseTarget {
  const { queues } = context.config;
  if (kind === "queue") {
    const queue = fullName(context, name);
    if (queues) requireQueue(queue, queues, "the pause", "{name}");
    return { kind, name: queue };
  }
  if (kind === "site" && queues) {
    const sites = [...new Set(queues.map((queue) => parseQueueName(queue, { site: "" }).site))];
    if (!sites.includes(name))
      throw new FanfoldError("invalid_request", `there is no site ${name}: there is ${sites.join(", ")}`, {
        details: { field: "{name}" },
      });
  }
  if (kind === "task" && !context.registry.info(name))
    throw new FanfoldError("unknown_task", `there is no task ${name}`, { details: { task: name, field: "{name}" } });
  return { kind, name };
}
const fullName = (context: Context, name: string): string => {
  parseQueueName(name, { site: context.config.site }, "{name}");
  return context.queueNames.of(name);
};
async function requireOpen(context: Context, jobId: string): Promise<void> {
  const root = await readHeader(context, jobId);
  if (!root?.job) throw jobNotFound(jobId);
  if (root.outcome) throw jobEnded(jobId);
}
const jobNotFound = (jobId: string): FanfoldError =>
  new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
const jobEnded = (jobId: string): FanfoldError =>
  new FanfoldError("job_ended", `job ${jobId} has ended: only a job that goes on is paused`, { details: { jobId } });
