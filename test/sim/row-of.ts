import { runIdOf } from "../../functions/core/plan/run-id.ts";
import { asRun, type Run } from "../../functions/engine/item-kinds.ts";
import type { Item } from "../../functions/engine/ports.ts";

/** Returns the run that an item is a row of. */
export function rowOf(item: Item | undefined, width: number): Run | undefined {
  if (!item) return undefined;
  const cut = item.key.partition.lastIndexOf("#");
  const [, local, step] = item.key.sort.split("#");
  const ref = {
    gid: item.key.partition.slice(2, cut),
    index: Number(item.key.partition.slice(cut + 1)) * width + Number(local),
    stepIndex: Number(step),
  };
  return asRun(item, { ...ref, runId: runIdOf(ref.gid, ref.index, ref.stepIndex) });
}
