import { isIdentity, parseRunId, type RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { present } from "../items/conditions.ts";
import { outcomeOf, readDependents, readEdges } from "../items/edge-items.ts";
import {
  type Identity,
  readIdentities,
  readIdentity,
  renewIdentityOp,
  type RoundStart,
  writtenIdentity,
} from "../items/identity-items.ts";
import { isListed, listOps } from "../items/identity-list.ts";
import { readRuns } from "../items/run-reads.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { sendControl, sendRun } from "../messages/send.ts";
import { strandOf } from "../plan/strands.ts";
import { wakeDependent } from "../waits/deferred.ts";
import { awaitedBy } from "../waits/dependencies.ts";
import { wakeSubscribers } from "./wake-subscribers.ts";

/**
 * What follows for those who depend on an identity that has ended (docs/adr/0022):
 *
 *     deferred on it            -> woken, whatever the end is
 *     an identity that consumed another end of it, and has ended  -> runs again, in its next round
 *
 * A dependent ends and THEN its dependencies are compared with what it consumed. A dependency ends and THEN its
 * dependents are compared. So one of the two sees a change. An equal end wakes nobody.
 */
const AT_ONCE = 16;
/** Identities that a chain of changes may pass. It ends where results come out equal, or at a cycle. */
const LONGEST_CAUSE = 100;

/**
 * Wakes the dependents of an identity that has ended, and returns runs to follow. The first page is handled here, and
 * further ones are messages. It may be repeated.
 */
export async function wakeDependents(
  context: Context,
  gid: string,
  known?: Run,
  after?: string,
): Promise<readonly Run[]> {
  const { items, runIds, cursor } = await readDependents(context, gid, {
    limit: context.config.subscribersPerMessage,
    ...(after !== undefined && { after }),
  });
  if (cursor !== undefined) await sendControl(context, { kind: "dependents", gid, after: cursor });
  if (runIds.length === 0) return [];
  const ended = known ?? (await readIdentity(context, gid))?.run;
  // A later round has begun. Its end wakes all of them.
  if (!ended || !isTerminal(ended.status)) return [];
  const outcome = outcomeOf(context, ended);
  const taken: Run[] = [];
  const rows = await readRuns(
    context,
    runIds.map((runId) => parseRunId(runId) as RunRef),
  );
  await eachBounded(rows.entries(), AT_ONCE, async ([k, row]) => {
    const shared = isIdentity((parseRunId(runIds[k] as string) as RunRef).gid);
    if (row && !isTerminal(row.status)) await wakeIfMet(context, row, ended);
    else if (row && shared) taken.push(...(await renewIfChanged(context, row, ended, outcome)));
    else if (!shared)
      await context.store.write({ op: "remove", key: (items[k] as (typeof items)[number]).key, when: present() });
  });
  return taken;
}
async function wakeIfMet(context: Context, row: Run, { gid, round }: Run): Promise<void> {
  const wanted = row.asked?.[gid];
  if (wanted === undefined || wanted > round) return;
  if (awaitedBy(row).includes(gid)) await wakeDependent(context, row);
  // Whoever has queued it for this end may have died before the send.
  else if (row.status === "queued") await sendAgain(context, row);
}
async function renewIfChanged(context: Context, row: Run, ended: Run, outcome: string): Promise<readonly Run[]> {
  const edges = [...((await readEdges(context, row))?.edges.values() ?? [])];
  if (!edges.some((edge) => edge.gid === ended.gid && edge.outcome !== outcome)) return [];
  const present = await readIdentities(
    context,
    edges.map(({ gid }) => gid),
  );
  // The end that is followed may be of an earlier round. The present one is compared where that is followed.
  const by = present.find((each) => each?.run.gid === ended.gid)?.run;
  return by?.round === ended.round && by.status === ended.status ? renew(context, row, by, present) : [];
}

/** Runs an identity again that has ended, when one of its dependencies has ended otherwise since it was consumed. */
export async function renewIfStale(context: Context, ended: Run): Promise<readonly Run[]> {
  const changed = await changedDependency(context, ended);
  return changed ? renew(context, ended, changed.by, changed.present) : [];
}
/** Finds a dependency of an ended identity that has ended otherwise since it was consumed. Costs reads only. */
export async function changedDependency(
  context: Context,
  ended: Run,
): Promise<{ readonly by: Run; readonly present: Identities } | undefined> {
  const edges = [...((await readEdges(context, ended))?.edges.values() ?? [])];
  if (edges.length === 0) return undefined;
  const present = await readIdentities(
    context,
    edges.map(({ gid }) => gid),
  );
  const by = present.find(
    (each, k) => each && isTerminal(each.run.status) && outcomeOf(context, each.run) !== edges[k]?.outcome,
  );
  return by && { by: by.run, present };
}
type Identities = readonly (Identity | undefined)[];

/**
 * Begins the next round of an identity because of the end of another one. It takes the ends of its dependencies as they
 * are, so that no change begins another one there, unless it was removed. Returns runs that take its own end before that.
 */
async function renew(context: Context, seen: Run, by: Run, present: Identities): Promise<readonly Run[]> {
  if (seen.forgotten) return [];
  const left = present.flatMap((each) => (each && !each.run.forgotten ? [each.run] : []));
  const asked = Object.fromEntries(left.map(({ gid, round }) => [gid, round]));
  return beginRound(context, seen, { asked, cause: causeOf(by) });
}
/** Begins the next round of an identity that has ended as it was seen. Returns runs that take its end before that. */
export async function beginRound(context: Context, seen: Run, row: RoundStart): Promise<readonly Run[]> {
  // Whoever waits for the earlier round takes its end.
  const taken = await wakeSubscribers(context, seen);
  const identity = await readIdentity(context, seen.gid);
  const { run } = identity ?? {};
  if (!identity || !run || run.round !== seen.round || !isTerminal(run.status) || run.forgotten) return taken;
  const ttl = Math.ceil(context.clock.now() / 1_000) + context.config.identityRetentionSeconds;
  await listAgain(context, identity);
  const write = await context.store.write(renewIdentityOp(context, identity, ttl, row));
  const begun = writtenIdentity(write);
  if (begun && begun.run.round === seen.round + 1 && begun.run.status === "queued") await send(context, begun);
  return taken;
}
async function listAgain(context: Context, { header, run }: Identity): Promise<void> {
  if (run.task === undefined || !isListed(context, run.task)) return;
  const [step] = (await strandOf(context, header, run)).strand;
  if (step && !isGroupStep(step)) await context.store.writeMany(listOps(context, header.gid, step));
}
/** Returns the chain of changes of which the end of `by` is the last. */
const causeOf = (by: Run): readonly string[] => [...(by.cause ?? []), by.gid].slice(-LONGEST_CAUSE);
async function sendAgain(context: Context, row: Run): Promise<void> {
  const header = await readHeader(context, row.gid);
  if (header && !header.outcome) await sendRun(context, header, row, 0);
}
const send = (context: Context, { header, run }: Identity): Promise<void> => sendRun(context, header, run, 0);
