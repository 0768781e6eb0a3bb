import { type ItemCounts, NO_ITEMS, withItems } from "../core/task/item-counts.ts";
import type { ItemReport, ReportStream } from "../core/task/invocation.ts";
import { NONE_REPORTED, type ReportedPositions, withPositions } from "../core/task/reported-positions.ts";

/** A stream of reports that is stored nowhere, for code that runs without an engine. */
export class MemoryReports implements ReportStream {
  readonly pages: (readonly ItemReport[])[] = [];
  reported: ReportedPositions = NONE_REPORTED;
  totals: ItemCounts = NO_ITEMS;

  get sequence(): number {
    return this.pages.length;
  }
  async append(reports: readonly ItemReport[]): Promise<void> {
    this.pages.push(reports);
    this.reported = withPositions(
      this.reported,
      reports.map(({ position }) => position),
    );
    this.totals = withItems(
      this.totals,
      reports.map(({ state }) => state),
    );
  }
}
