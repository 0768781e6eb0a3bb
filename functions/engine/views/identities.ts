import { FanfoldError } from "../../core/errors.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { runIdOf } from "../../core/plan/run-id.ts";
import { isFailure, isTerminal } from "../../core/plan/run-state.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Run } from "../item-kinds.ts";
import { readEdges } from "../items/edge-items.ts";
import {
  isListed,
  type ListPage,
  type ListPlace,
  LIST_SHARDS,
  readGivenBlob,
  readListed,
} from "../items/identity-list.ts";
import { type Identity, readIdentities } from "../items/identity-items.ts";
import { type Outdated, outdatedItself, outdatedOf } from "../items/versions.ts";
import type { IdentityView, Page } from "../job-views.ts";
import type { IdentityFilter } from "../requests.ts";
import { strandOf } from "../plan/strands.ts";
import { wrongCursor } from "./job-view.ts";
import { whyOf } from "./why.ts";

const AT_ONCE = 8;
const CURSOR = /^(\d)(?:\.(~[0-9a-f]{40}(?:#[^\s]{1,200})?))?$/;

/**
 * Lists runs that jobs share. Only tasks that say so have a list. Costs one read for each run that is looked at, and one
 * more for each that has dependencies.
 */
export async function listIdentities(context: Context, filter: IdentityFilter): Promise<Page<IdentityView>> {
  const { status, cursor } = filter;
  const place = cursor === undefined ? { shard: 0 } : placeIn(cursor);
  const { gids, next } = await pageOf(context, filter, place);
  const identities = gids.length > 0 ? await readIdentities(context, gids) : [];
  const views = new Map<number, IdentityView>();
  await eachBounded([...identities.entries()], AT_ONCE, async ([k, identity]) => {
    if (!identity || isForgotten(identity.run) || (status !== undefined && identity.run.status !== status)) return;
    const view = await viewOf(context, identity);
    if (view) views.set(k, view);
  });
  const items = identities.flatMap((_, k) => views.get(k) ?? []);
  const following = next && `${next.shard}${next.after === undefined ? "" : `.${next.after}`}`;
  return { items, ...(following !== undefined && { cursor: following }) };
}
/** Whether a shared run was removed, so that it is shown no more. */
export const isForgotten = ({ forgotten, status }: Run): boolean => forgotten === true && isTerminal(status);
function placeIn(cursor: string): ListPlace {
  const [, shard, after] = CURSOR.exec(cursor) ?? [];
  if (shard === undefined || Number(shard) >= LIST_SHARDS) throw wrongCursor();
  return { shard: Number(shard), ...(after !== undefined && { after }) };
}
function pageOf(context: Context, { task, blob, limit = 50 }: IdentityFilter, place: ListPlace): Promise<ListPage> {
  const most = Math.min(limit, 100);
  if (task !== undefined) requireListed(context, task);
  if (blob !== undefined) return readGivenBlob(context, blob, task, place, most);
  if (task !== undefined) return readListed(context, task, place, most);
  throw new FanfoldError("invalid_request", "name a task, or a blob by its SHA-256", { details: { field: "/task" } });
}
function requireListed(context: Context, task: string): void {
  if (!context.registry.info(task)) throw new FanfoldError("unknown_task", `no task is called ${task}`);
  if (isListed(context, task)) return;
  const message = `the runs of ${task} are not listed: give the task listed: true, which costs one write for each`;
  throw new FanfoldError("not_listed", message, { details: { task } });
}
async function viewOf(context: Context, { header, run }: Identity): Promise<IdentityView | undefined> {
  const [step] = (await strandOf(context, header, run)).strand;
  if (!step || isGroupStep(step)) return undefined;
  const { status, round, endedAt, error } = run;
  return {
    runId: runIdOf(header.gid, 0, 0),
    task: step.task,
    args: step.args ?? [],
    kwargs: step.kwargs ?? {},
    status,
    round,
    ...(endedAt !== undefined && { endedAt }),
    ...(error && { error }),
    ...(await versionsSeen(context, run)),
    why: whyOf(run),
  };
}
/** Returns what a shared run says of versions. Costs a read when it has dependencies. */
export async function versionsSeen(
  context: Context,
  run: Run,
): Promise<Pick<IdentityView, "version" | "verified" | "failures" | "retryAt" | "outdated">> {
  const { version = 0, verified, status, failed, notBefore } = run;
  const outdated: Outdated[] = isTerminal(status)
    ? [...outdatedItself(context, run), ...outdatedOf(context, (await readEdges(context, run))?.closure)]
    : [];
  const tier = isFailure(status) && failed && { failures: failed.times, ...(notBefore && { retryAt: notBefore }) };
  return { version, ...(verified && { verified }), ...tier, ...(outdated.length > 0 && { outdated }) };
}
