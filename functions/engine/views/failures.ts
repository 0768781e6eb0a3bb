import type { Context } from "../context.ts";
import { asFailure, asFailureKind, FAILURE_KINDS, failurePartition, failureTime } from "../items/failure-items.ts";
import { type FailureKind, failureKindText, keyText } from "../jobs/failures.ts";
import type { FailureGroup, Page } from "../job-views.ts";
import type { FailureFilter } from "../requests.ts";
import { wrongCursor } from "./job-view.ts";

/** Failures of one kind that are counted. Of more it is only said that there are more. */
const COUNTED = 1_000;
const NEWEST = 5;
/** Kinds that one call looks at, so that a rare reason does not make it read the whole directory. */
const KINDS_READ = 1_000;

const KIND_CURSOR = /^[!-~]{1,200}#[!-~]{1,200}$/;
/**
 * Lists failures by task and reason, in the order of their names. One or two queries for each kind that it looks at. A
 * page may be empty although more follow.
 */
export async function listFailures(context: Context, filter: FailureFilter): Promise<Page<FailureGroup>> {
  const limit = Math.min(filter.limit ?? 50, 100);
  const { reason } = filter;
  const range = kindRange(context, filter);
  const items: FailureGroup[] = [];
  let { cursor } = filter;
  if (cursor !== undefined && !KIND_CURSOR.test(cursor)) throw wrongCursor();
  let read = 0;
  do {
    const page = await context.store.query("tasks", FAILURE_KINDS, {
      ...range,
      limit: limit - items.length,
      ...(cursor !== undefined && { cursor }),
    });
    read += page.items.length;
    const kinds = page.items.map(asFailureKind).filter((kind) => reason === undefined || kind.reason === reason);
    for (const kind of kinds) {
      const group = await groupOf(context, kind, filter.since);
      if (group) items.push(group);
    }
    cursor = page.cursor;
  } while (cursor !== undefined && items.length < limit && read < KINDS_READ);
  return { items, ...(cursor !== undefined && { cursor }) };
}

/** Returns the range of the directory that holds the kinds of a task, or its one kind with that reason. */
export function kindRange(
  context: Pick<Context, "ids">,
  { task, reason }: Partial<FailureKind>,
): { readonly from?: string; readonly to?: string } {
  if (task === undefined) return {};
  if (reason === undefined) return { from: `${keyText(context, task)}#`, to: `${keyText(context, task)}#~~` };
  const kind = failureKindText(context, { task, reason });
  return { from: kind, to: kind };
}

async function groupOf(
  context: Context,
  { task, reason }: FailureKind,
  since: number | undefined,
): Promise<FailureGroup | undefined> {
  const partition = failurePartition(failureKindText(context, { task, reason }));
  const from = since !== undefined && { from: failureTime(since) };
  const { items, cursor } = await context.store.query("tasks", partition, {
    ...from,
    limit: COUNTED,
    descending: true,
  });
  const failures = items.map(asFailure);
  const [last] = failures;
  if (!last) return undefined;
  const first =
    cursor === undefined
      ? failures.at(-1)
      : (await context.store.query("tasks", partition, { ...from, limit: 1 })).items.map(asFailure)[0];
  return {
    task,
    reason,
    count: failures.length,
    ...(cursor !== undefined && { more: true }),
    firstAt: (first ?? last).at,
    lastAt: last.at,
    error: { name: last.name, message: last.message },
    runIds: failures.slice(0, NEWEST).map(({ runId }) => runId),
  };
}
