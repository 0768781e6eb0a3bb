import { canonicalJson, type Json } from "../../functions/core/json.ts";
import { jobIdOf, ownerOf, scopesOf } from "../../functions/core/plan/run-id.ts";
import { isFailure, isTerminal } from "../../functions/core/plan/run-state.ts";
import type { RetryFilter, RetrySelection } from "../../functions/engine/contract.ts";
import type { Header, Run } from "../../functions/engine/item-kinds.ts";
import { followsRerun } from "./graph-shape.ts";
import { membersOf } from "./group-members.ts";
import type { Shape } from "./shape.ts";

/**
 * What each round of a job retries, as its clients asked, and which failed runs that means. The engine is not asked:
 * a filter is read as docs/guide-operate.md describes it.
 */
export class RetryOrders {
  readonly #shape: Shape;
  readonly #asked = new Map<string, Set<string>>();
  readonly #begun = new Map<string, RetryFilter | undefined>();
  /** When the present round of a job began. */
  readonly #begunAt = new Map<string, number>();

  constructor(shape: Shape) {
    this.#shape = shape;
  }
  ask(jobId: string, { filter, keepDownstream = false }: RetrySelection): void {
    this.#asked.set(jobId, (this.#asked.get(jobId) ?? new Set()).add(textOf({ filter, keepDownstream })));
  }
  /**
   * Notes the round that a header begins, if it is a root. Returns what is wrong with it. In the storm a worker of the round before
   * may take up what fits between the look for it and this write.
   */
  begin({ gid, round, retry }: Header, calm: boolean, now: number): string | undefined {
    if (ownerOf(gid) !== undefined) return undefined;
    const { filter, keepDownstream = false } = retry ?? {};
    this.#begunAt.set(gid, now);
    this.#begun.set(`${gid} ${round}`, filter);
    if (!this.#asked.get(gid)?.has(textOf({ filter, keepDownstream }))) return "nobody asked for it";
    const misses = calm && filter && !this.#below(gid, (run) => fits(this.#shape, run, filter));
    return misses ? "nothing fits its filter" : undefined;
  }
  /** Returns when the round of a job began that a group has not been opened in. Undefined when it is in that round. */
  openedAbove(gid: string): number | undefined {
    const jobId = jobIdOf(gid);
    const round = this.#shape.roundOf(jobId);
    return scopesOf(gid).some((scope) => this.#shape.roundOf(scope) < round) ? this.#begunAt.get(jobId) : undefined;
  }
  filterOf(jobId: string, round: number): RetryFilter | undefined {
    return this.#begun.get(`${jobId} ${round}`);
  }

  /** Whether a round leaves a run of an earlier round as it failed. */
  keeps(run: Run, round: number): boolean {
    const filter = this.filterOf(jobIdOf(run.gid), round);
    return filter !== undefined && run.round < round && !this.#takes(run, filter);
  }
  /** Whether a filter names a failed run, or one below it. */
  selects(run: Run, filter: RetryFilter): boolean {
    return this.#names(run, (each) => fits(this.#shape, each, filter));
  }
  /** Whether a retry with this filter must find something. A loop at its bound counts for no group above. */
  finds(jobId: string, filter: RetryFilter): boolean {
    const wanted = (run: Run): boolean => run.error?.reason !== "repeat_limit" && fits(this.#shape, run, filter);
    return this.#below(jobId, wanted);
  }
  /** Whether a write took up an ended run that its round leaves as it was. */
  isUnasked(before: Run | undefined, after: Run): boolean {
    if (!before || after.round <= before.round || !isTerminal(before.status)) return false;
    // A process of an earlier round may have seen what was later taken up.
    if (after.round !== this.#shape.roundOf(jobIdOf(after.gid))) return false;
    for (let stepIndex = 0; stepIndex < after.stepIndex; stepIndex++)
      if ((this.#shape.storedRow({ ...after, stepIndex })?.round ?? 0) >= after.round) return false;
    const filter = this.filterOf(jobIdOf(after.gid), after.round);
    const rerun = (run: Run): boolean =>
      !isTerminal(run.status) || !this.isUnasked(run, { ...run, round: after.round });
    if (followsRerun(this.#shape, after, rerun)) return false;
    if (isFailure(before.status)) return filter !== undefined && !this.#takes(before, filter);
    if (!filter && before.counts?.["inexact"] !== undefined) return false;
    return before.joins === undefined || !this.#below(before.joins, (run) => !filter || fits(this.#shape, run, filter));
  }

  /** A run that was cancelled with its group runs again with it, whatever the filter says. */
  #takes(run: Run, filter: RetryFilter): boolean {
    return isCut(run) || this.selects(run, filter);
  }
  #names(run: Run, wanted: (run: Run) => boolean): boolean {
    if (isTerminal(run.status) && isFailure(run.status) && isOwn(run) && !this.#isCutWithGroup(run) && wanted(run))
      return true;
    return run.joins !== undefined && this.#below(run.joins, wanted);
  }
  /** Whether a run ended because it and its group were cut off, so that only what is in the group counts. */
  #isCutWithGroup(run: Run): boolean {
    const child = isCut(run) && run.joins !== undefined ? this.#shape.header(run.joins) : undefined;
    return child !== undefined && !child.wait && (child.early === true || this.#below(child.gid, () => true));
  }
  #below(gid: string, wanted: (run: Run) => boolean): boolean {
    const header = this.#shape.header(gid);
    if (!header || header.wait) return false;
    for (let index = 0; index < membersOf(this.#shape, header); index++)
      for (let stepIndex = 0; ; stepIndex++) {
        const run = this.#shape.row({ gid, index, stepIndex });
        if (!run) break;
        if (this.#names(run, wanted)) return true;
      }
    return false;
  }
}
const isCut = ({ status, error }: Run): boolean =>
  status === "cancelled" && ["upstream", "cancelled"].includes(error?.reason ?? "");
/** Whether a failure is not that of a run below. One that was taken over is. */
function isOwn(run: Run): boolean {
  const { runId, error, adopts } = run;
  if (adopts !== undefined || isCut(run)) return true;
  return error?.name !== "GroupFailed" && (error?.runId ?? runId) === runId;
}
function fits(shape: Shape, run: Run, filter: RetryFilter): boolean {
  const { tasks, reasons, statuses, runIds, endedAfter = 0, endedBefore = Infinity, stamps } = filter;
  const endedAt = run.endedAt ?? 0;
  const teams = shape.teams(run);
  return (
    (!tasks || tasks.some((task) => task === run.task)) &&
    (!reasons || reasons.includes(run.error?.reason ?? run.error?.name ?? "")) &&
    (!statuses || statuses.some((status) => status === run.status)) &&
    (!runIds || runIds.some((id) => `${run.runId}.`.startsWith(`${id}.`))) &&
    endedAt >= endedAfter &&
    endedAt < endedBefore &&
    (!stamps || (stamps["team"] ?? []).some((team) => teams.includes(`team=${JSON.stringify(team)}`)))
  );
}
const textOf = (selection: RetrySelection): string => canonicalJson(selection as unknown as Json);
