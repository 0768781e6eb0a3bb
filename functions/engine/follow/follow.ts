import type { Counts } from "../../core/plan/counts.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { sendControl } from "../messages/send.ts";
import { closeGroup } from "./close.ts";
import { followDecide, followEnd } from "./decide.ts";
import { followMark } from "./follow-marks.ts";
import { followRuns } from "./follow-runs.ts";
import { followCheck, followSettle } from "./settle.ts";
import { type FollowItem, type InPlace, WorkList } from "./work-list.ts";

/** `engine`: in the engine's own handler, which may settle as much as there is; elsewhere the rest is handed over after `settleBudget` settles. */
export async function follow(context: Context, items: readonly FollowItem[], where: "engine" | "worker" = "worker", inPlace?: InPlace): Promise<void> {
  const list = new WorkList(inPlace);
  for (const item of items) list.push(item);
  let settles = 0;
  const background: Promise<void>[] = [];
  for (;;) {
    const runs = list.take("run");
    if (runs.length > 0) {
      await followRuns(
        context,
        runs.map((item) => item.run),
        list,
        background,
      );
      continue;
    }
    // Marks come before decisions: a group that decides early takes its totals from the ledger, its own mark included.
    const marks = mergeMarks(list.take("mark"));
    if (marks.length > 0) {
      await all(marks.map((item) => followMark(context, item, list)));
      continue;
    }
    const decides = list.take("decide");
    const checks = list.take("check");
    const settled = uniqueBy(list.take("settle"), (item) => item.gid);
    const ends = list.take("end");
    const work: Promise<void>[] = [
      ...decides.map((item) => followDecide(context, item, list)),
      ...checks.map((item) => followCheck(context, item.run, list)),
      ...ends.map((item) => followEnd(context, item, list)),
    ];
    for (const item of settled) {
      if (where === "worker" && ++settles > context.config.settleBudget) work.push(sendControl(context, { kind: "settle", gid: item.gid }));
      else work.push(followSettle(context, item.gid, list, where));
    }
    if (work.length > 0) {
      await all(work);
      continue;
    }
    await all(background);
    const closes = list.take("close");
    if (closes.length === 0) return;
    await all(uniqueBy(closes, (item) => `${item.gid}#${item.round}`).map((item) => closeGroup(context, item.gid, item.round)));
  }
}

type Mark = Extract<FollowItem, { kind: "mark" }>;
/** Marks of one node become one write. */
function mergeMarks(items: readonly Mark[]): readonly Mark[] {
  if (items.length < 2) return items;
  const nodes = new Map<string, Mark & { marks: Map<number, Counts> }>();
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
