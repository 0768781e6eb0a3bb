import { isGroupStep } from "../../core/plan/plan.ts";
import { jobIdOf, parseRunId, runIdOf } from "../../core/plan/run-id.ts";
import { redacted } from "../../core/task/redact.ts";
import type { Context } from "../context.ts";
import { type DeadLetter, isDeadLetterId, queryDeadLetters, readDeadLetter } from "../items/dead-letter-items.ts";
import { readHeader } from "../items/header-reads.ts";
import type { DeadLetterView, Page } from "../job-views.ts";
import { decodeMessage } from "../messages/wire.ts";
import { memberStrand } from "../plan/strands.ts";
import { PortError } from "../ports.ts";
import type { DeadLetterFilter } from "../requests.ts";
import { wrongCursor } from "./job-view.ts";

/** Letters that one call reads, so that a narrow filter does not make it read all. */
const READ = 1_000;
const SHOWN_RUNS = 20;

/** Lists dead letters, the newest first. A page may be empty although more follow. */
export async function listDeadLetters(context: Context, filter: DeadLetterFilter): Promise<Page<DeadLetterView>> {
  const { letters, cursor } = await findDeadLetters(context, filter, Math.min(filter.limit ?? 100, 1_000));
  return { items: letters.map(viewLetter), ...(cursor !== undefined && { cursor }) };
}
/** Returns a dead letter with the arguments of its first run; undefined when there is no such letter. */
export async function viewDeadLetter(context: Context, id: string): Promise<DeadLetterView | undefined> {
  const letter = await readDeadLetter(context, id);
  return letter && { ...viewLetter(letter), ...(await callOf(context, letter)) };
}

/** Returns at most `limit` letters that match the filter, the newest first, and where the rest begins. */
export async function findDeadLetters(
  context: Context,
  filter: DeadLetterFilter,
  limit: number,
): Promise<{ readonly letters: readonly DeadLetter[]; readonly cursor?: string }> {
  if (filter.id !== undefined) {
    const letter = await readDeadLetter(context, filter.id);
    return { letters: letter && matches(letter, filter) ? [letter] : [] };
  }
  const letters: DeadLetter[] = [];
  let { cursor } = filter;
  if (cursor !== undefined && !isDeadLetterId(cursor)) throw wrongCursor();
  let read = 0;
  do {
    const page = await queryDeadLetters(context, limit - letters.length, cursor);
    read += page.letters.length;
    letters.push(...page.letters.filter((letter) => matches(letter, filter)));
    cursor = page.cursor;
  } while (cursor !== undefined && letters.length < limit && read < READ);
  return { letters, ...(cursor !== undefined && { cursor }) };
}
function matches(letter: DeadLetter, { queue, task, reason, jobId }: DeadLetterFilter): boolean {
  return (
    (queue === undefined || letter.queue === queue) &&
    (task === undefined || letter.task === task) &&
    (reason === undefined || letter.reason === reason) &&
    (jobId === undefined || jobOf(letter) === jobId)
  );
}

/** Kinds of messages that are not about a group. */
const NO_JOB: ReadonlySet<string> = new Set(["executionEnded", "schedule"]);
export function jobOf({ kind, about }: DeadLetter): string | undefined {
  return about === undefined || NO_JOB.has(kind ?? "") ? undefined : jobIdOf(about);
}
function viewLetter(letter: DeadLetter): DeadLetterView {
  const { id, at, queue, reason, error, redrives, kind, task, body } = letter;
  const jobId = jobOf(letter);
  const message = decodeMessage(body);
  const runs =
    message?.kind === "members" ? message.members.map((index) => runIdOf(message.gid, index, message.step)) : [];
  return {
    id,
    at,
    queue,
    reason,
    redrives,
    ...(error && { error }),
    ...(kind !== undefined && { kind }),
    ...(jobId !== undefined && { jobId }),
    ...(task !== undefined && { task }),
    ...(runs.length > 0 && { runs: runs.length, runIds: runs.slice(0, SHOWN_RUNS) }),
    body,
  };
}
async function callOf(context: Context, letter: DeadLetter): Promise<Pick<DeadLetterView, "args" | "kwargs">> {
  const [first] = viewLetter(letter).runIds ?? [];
  const ref = first === undefined ? undefined : parseRunId(first);
  const header = ref && (await readHeader(context, ref.gid));
  if (!ref || !header || header.pages) return {};
  try {
    const step = (await memberStrand(context, header, ref.index)).strand[ref.stepIndex];
    if (!step || isGroupStep(step)) return {};
    return redacted({ args: step.args ?? [], kwargs: step.kwargs ?? {} }, context.registry.info(step.task)?.redact);
  } catch (error) {
    if (error instanceof PortError) throw error;
    return {}; // The plan cannot be read, which may be why the message was given up.
  }
}
