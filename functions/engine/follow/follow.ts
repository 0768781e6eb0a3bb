import type { Counts } from "../../core/plan/counts.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { returnClaims } from "../items/run-claims.ts";
import { sendControl } from "../messages/send.ts";
import { closeGroup } from "./close.ts";
import { followDecide } from "./decide.ts";
import { followMark } from "./follow-marks.ts";
import { followRuns } from "./follow-runs.ts";
import { followCheck, followSettle } from "./settle.ts";
import {
  type FollowItem,
  type MarkItem,
  type Reserve,
  type SettleItem,
  type StartedStep,
  WorkList,
} from "./work-list.ts";

export interface FollowOptions {
  /** Reserves what a single next step needs to run in this process. Absent when the step must go to its queue. */
  readonly reserve?: Reserve;
  /**
   * Whether a worker without the right to end a supervised job may hand that over to the handler of the engine queue.
   * `false` in that handler itself, where the missing right is an error. Default `true`.
   */
  readonly mayHandOver?: boolean;
}

/**
 * F: does everything that follows from ended runs (docs/protocol-rules.md, section 6). A run leads to its next step or
 * to a mark. A full ledger leads to a decision, and a decision to the run that waits above, and so on upward. F is the
 * only code that marks, decides by completion, settles, closes and creates next steps. F runs after a commit, on every
 * redelivery of an ended run, and in the sweep.
 *
 *     run -> next step, created and sent, or created as started and returned
 *         -> mark -> decide -> settle -> run (of the strand above) ..
 *                                     -> close, last of all
 *
 * Returns the next steps that were created as started. Before F throws, it returns those steps to their queue.
 */
export async function follow(
  context: Context,
  items: readonly FollowItem[],
  { reserve, mayHandOver = true }: FollowOptions = {},
): Promise<readonly StartedStep[]> {
  const list = new WorkList(items, reserve);
  try {
    await work(context, list, mayHandOver);
  } catch (error) {
    // The redelivered message finds every step that was created here. Their claims are returned, because no holder
    // died.
    await returnClaims(
      context,
      list.started.map(({ run, reservation: { token } }) => ({ run, token })),
    );
    for (const { reservation } of list.started) reservation.release();
    throw error;
  }
  return list.started;
}

async function work(context: Context, list: WorkList, mayHandOver: boolean): Promise<void> {
  const { settleBudget } = context.config;
  let settles = 0;
  for (;;) {
    const runs = list.take("run").map((item) => item.run);
    if (runs.length > 0) {
      await followRuns(context, runs, list);
      continue;
    }
    // Marks come before decisions, because a group that decides early takes its totals from the ledger.
    const marks = mergeMarks(list.take("mark"));
    if (marks.length > 0) {
      await all(marks.map((item) => followMark(context, item, list)));
      continue;
    }
    const settle = (item: SettleItem): Promise<void> => {
      if (++settles > settleBudget) return sendControl(context, { kind: "settle", gid: item.gid });
      return followSettle(context, item, list, mayHandOver);
    };
    const others = [
      ...list.take("decide").map((item) => followDecide(context, item, list)),
      ...list.take("check").map((item) => followCheck(context, item.run, list)),
      ...uniqueBy(list.take("settle"), (item) => item.gid).map(settle),
    ];
    if (others.length > 0) {
      await all(others);
      continue;
    }
    await list.backgroundDone();
    const closes = uniqueBy(list.take("close"), (item) => `${item.gid}#${item.round}`);
    if (closes.length === 0) return;
    await all(closes.map((item) => closeGroup(context, item.gid, item.round)));
  }
}

/** Merges the marks of each node into one item, and so into one write. */
function mergeMarks(items: readonly MarkItem[]): readonly MarkItem[] {
  if (items.length < 2) return items;
  const nodes = new Map<string, MarkItem & { marks: Map<number, Counts> }>();
  for (const item of items) {
    const key = `${item.at.gid}#${item.at.round}#${item.at.level}#${item.at.node}#${item.part ?? ""}`;
    const node = nodes.get(key);
    if (node) for (const [index, counts] of item.marks) node.marks.set(index, counts);
    else nodes.set(key, { ...item, marks: new Map(item.marks) });
  }
  return [...nodes.values()];
}
function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}
