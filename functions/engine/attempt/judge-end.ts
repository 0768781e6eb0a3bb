import { dependenciesOf } from "../../core/canvas/depends-on.ts";
import { canonicalJson, type Json } from "../../core/json.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import type { RunCause } from "../../core/task/run-cause.ts";
import type { Context } from "../context.ts";
import { changedDependency } from "../follow/wake-dependents.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readEdges } from "../items/edge-items.ts";
import type { Identity, RoundStart } from "../items/identity-items.ts";
import { keptEnd } from "../items/kept-end.ts";
import { outdatedItself, outdatedOf } from "../items/versions.ts";
import { type Ask, stepOf } from "./ask.ts";

/**
 * Says with what the next round of an ended identity begins, or that its end is taken: undefined. The checks need its own
 * items alone, apart from the last one:
 *
 *     it was removed                                   -> runs again
 *     its code has a higher version here                -> runs again
 *     the end is none that this ask takes               -> runs again
 *     the ask declares another dependency               -> runs again
 *     the code of a task upstream has a higher version  -> finds out whether the end still holds (execute/verify-end.ts)
 *     a dependency has ended otherwise since            -> runs again
 */
export async function judgeEnd(
  context: Context,
  header: Pick<Header, "ttl">,
  ask: Ask,
  identity: Identity,
): Promise<RoundStart | undefined> {
  const { run } = identity;
  if (run.forgotten && !takesAny(ask, identity)) return { why: { of: "removed" } };
  const [own] = outdatedItself(context, run);
  const upstream = own ? [] : outdatedOf(context, (await readEdges(context, run))?.closure);
  if (!own && upstream.length === 0 && takesAny(ask, identity)) return undefined;
  if (run.forgotten) return { why: { of: "removed" } };
  if (own) return { why: { of: "version", ...own } };
  const why = refusalOf(context, header, ask, identity);
  if (why) return { why };
  if (await lacksDependency(context, ask, identity)) return { why: { of: "declared" } };
  const [first] = upstream;
  if (first)
    return {
      why: { of: "version", ...first },
      kept: keptEnd(context, identity),
      needs: Object.fromEntries(upstream.map(({ task, to }) => [task, to])),
    };
  const changed = await changedDependency(context, run);
  return changed && { why: { of: "dependency", runId: changed.by.runId } };
}

/** Whether an ask takes the end of an identity whatever it is, since it has begun the round or waited for it. */
const takesAny = ({ asker, wanted }: Ask, { header, run }: Identity): boolean =>
  header.asker === asker || (wanted !== undefined && run.round >= wanted);
/** Whether the end of an identity answers an ask: it is good, not too old, and is kept as long as the job that asks. */
export function mayReuse(context: Context, header: Pick<Header, "ttl">, ask: Ask, identity: Identity): boolean {
  return refusalOf(context, header, ask, identity) === undefined;
}
function refusalOf(
  context: Context,
  header: Pick<Header, "ttl">,
  { dedupe, takesBroken }: Ask,
  identity: Identity,
): RunCause | undefined {
  const { status, error, endedAt = 0 } = identity.run;
  const isFinal = isSuccess(status) || (takesBroken === true && isBrokenByTask(identity.run));
  if (!isFinal) return { of: "failure", ...(error?.reason !== undefined && { reason: error.reason }) };
  const isOld = typeof dedupe === "number" && context.clock.now() - endedAt >= dedupe * 1_000;
  if (dedupe === "running" || isOld) return { of: "age" };
  return header.ttl <= keptUntil(context, identity) ? undefined : { of: "expiry" };
}
/** Whether the task itself has said that it can never succeed. What the engine has broken may succeed another time. */
const isBrokenByTask = ({ status, error }: Run): boolean =>
  status === "broken" && !ENGINE_REASONS.includes(error?.reason ?? "");
const ENGINE_REASONS = [
  "unknown_task",
  "newer_version",
  "task_killed",
  "dead_letter",
  "dependency_has_error",
  "dependency_cycle",
];

/** Whether an ask declares a dependency that the identity has not, or another one by its name. */
async function lacksDependency(context: Context, { step }: Ask, identity: Identity): Promise<boolean> {
  const wanted = dependenciesOf(step.options);
  if (!wanted) return false;
  const own = dependenciesOf((await stepOf(context, identity)).options) ?? {};
  return Object.entries(wanted).some(([name, each]) => textOf(own[name]) !== textOf(each));
}
const textOf = (dependency: unknown): string => canonicalJson((dependency ?? null) as Json);
/**
 * Returns until when the end of an identity can be kept, in seconds since the epoch. A value within its item stays as
 * long as somebody asks for it. Results of a group expire with the group, and blobs at the age at which all of them do.
 */
function keptUntil({ config }: Context, { header, run }: Identity): number {
  if (run.collects !== undefined) return run.resultsUntil ?? header.ttl;
  if (run.valueRef === undefined) return Number.POSITIVE_INFINITY;
  return Math.floor((run.endedAt ?? 0) / 1_000) + config.maxJobTimeoutSeconds + config.retentionSeconds;
}
