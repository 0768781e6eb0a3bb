import { type ItemCounts, ITEM_STATES, NO_ITEMS, withItems } from "../../functions/core/task/item-counts.ts";
import type { ItemReport } from "../../functions/core/task/invocation.ts";
import { isSuccess } from "../../functions/core/plan/run-state.ts";
import { parseRunId } from "../../functions/core/plan/run-id.ts";
import { reportStreamKey, type Run } from "../../functions/engine/item-kinds.ts";
import type { Item } from "../../functions/engine/ports.ts";
import type { Complaints } from "./reference.ts";
import type { Shape } from "./shape.ts";
import type { SimStore } from "./sim-store.ts";
import type { Script } from "./script.ts";

/** Returns the state in which a script leaves an item. */
export function stateAt({ label }: Pick<Script, "label">, position: number): keyof ItemCounts {
  return ITEM_STATES[(label.length + label.charCodeAt(1) + 7 * position) % ITEM_STATES.length] as keyof ItemCounts;
}
/** Returns the items that a script reports when it comes to its end. */
export function itemsReported(script: Script): ItemCounts {
  return withItems(
    NO_ITEMS,
    Array.from({ length: script.reports ?? 0 }, (_, position) => stateAt(script, position)),
  );
}
type Stream = { readonly jobId: string; readonly sequence: number; readonly writers: string };

/** Reads streams of reports as they are stored, and counts them again. */
export class ReportWatch {
  readonly #store: SimStore;
  readonly #blobs: ReadonlyMap<string, Uint8Array>;

  constructor(store: SimStore, blobs: ReadonlyMap<string, Uint8Array>) {
    this.#store = store;
    this.#blobs = blobs;
  }
  /** Returns the items that the pages of a run name, by state. */
  reported({ runId, since = 0 }: Run): ItemCounts {
    const item = this.#store.peek(reportStreamKey(runId, since));
    return withItems(NO_ITEMS, item ? this.#reports(item).map(({ state }) => state) : []);
  }
  /** Complains unless each page is there, totals say what the pages do, and no item is reported twice or never. */
  check(shape: Shape, complaints: Complaints): void {
    for (const item of this.#store.items()) {
      if (!item.key.partition.startsWith("S#")) continue;
      const runId = item.key.partition.slice(2);
      const reports = this.#reports(item);
      const positions = new Set(reports.map(({ position }) => position));
      if (positions.size < reports.length) return complaints.bad("report-repeated", runId);
      const counted = JSON.stringify(
        withItems(
          NO_ITEMS,
          reports.map(({ state }) => state),
        ),
      );
      const totals = JSON.stringify({ ...NO_ITEMS, ...(item.attributes["totals"] as object) });
      if (totals !== counted) return complaints.bad("report-totals-wrong", `${runId}: ${totals}, pages say ${counted}`);
      const run = shape.rowOf(runId);
      const ref = parseRunId(runId);
      const step = ref && shape.strand(ref.gid, ref.index)?.[ref.stepIndex];
      if (!run || step?.kind !== "task" || (run.since ?? 0) !== Number(item.key.sort)) continue;
      if (reports.some(({ position, state }) => stateAt(step.script, position) !== state))
        return complaints.bad("report-changed", runId);
      if (isSuccess(run.status) && run.adopts === undefined && positions.size !== step.script.reports)
        return complaints.bad("report-lost", `${runId}: ${positions.size} of ${step.script.reports}`);
    }
  }
  #reports(item: Item): readonly ItemReport[] {
    const { jobId, sequence, writers } = item.attributes as unknown as Stream;
    const runId = item.key.partition.slice(2);
    const written = writers === "" ? [] : writers.split(",").map((part) => part.split(":").map(Number));
    return Array.from({ length: sequence }, (_, k) => {
      const by = written.findLast(([, from = 0]) => from <= k + 1)?.[0];
      const blob = this.#blobs.get(`${jobId}/reports/${runId}/${Number(item.key.sort)}/${by}.${k + 1}`);
      return blob ? (JSON.parse(new TextDecoder().decode(blob)) as ItemReport[]) : [];
    }).flat();
  }
}
