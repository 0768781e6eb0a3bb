import { LIMITS } from "../../core/limits.ts";
import type { ItemReport } from "../../core/task/invocation.ts";
import { isReported, type ReportedPositions, withPositions } from "../../core/task/reported-positions.ts";

/**
 * Reports that were not sent yet, the last one of each item. An item that is still in progress is held back until the
 * end, because its state will change.
 */
export class ReportBuffer {
  readonly #reports = new Map<number, { readonly report: ItemReport; readonly bytes: number }>();
  /** Reports that could be sent, and their size as JSON, in characters. */
  ready = 0;
  bytes = 0;

  /** Number of all reports. */
  get size(): number {
    return this.#reports.size;
  }
  add(report: ItemReport): void {
    this.#remove(report.position);
    const bytes = JSON.stringify(report.item).length;
    this.#reports.set(report.position, { report, bytes });
    this.#count(report, bytes, 1);
  }
  /** Forgets what an earlier attempt has reported. */
  withoutReported(reported: ReportedPositions): void {
    for (const position of this.#reports.keys()) if (isReported(reported, position)) this.#remove(position);
  }
  /**
   * Takes reports out, those of the first items first. At most `most`, and so many that the ranges of reported items
   * stay few: a report far behind an item that was not reported waits for it. With `all` everything is taken in turn.
   */
  take(reported: ReportedPositions, most: number, all: boolean): readonly ItemReport[] {
    const reports = [...this.#reports.values()].map(({ report }) => report);
    const next = reports
      .filter(({ state }) => all || state !== "inprogress")
      .toSorted((a, b) => a.position - b.position)
      .slice(0, most);
    while (next.length > 0 && !all && rangesWith(reported, next) > LIMITS.reportedAhead)
      next.length = Math.floor(next.length / 2);
    for (const { position } of next) this.#remove(position);
    return next;
  }
  #remove(position: number): void {
    const known = this.#reports.get(position);
    if (!known) return;
    this.#reports.delete(position);
    this.#count(known.report, known.bytes, -1);
  }
  #count({ state }: ItemReport, bytes: number, sign: 1 | -1): void {
    if (state === "inprogress") return;
    this.ready += sign;
    this.bytes += sign * bytes;
  }
}
function rangesWith(reported: ReportedPositions, reports: readonly ItemReport[]): number {
  return withPositions(
    reported,
    reports.map(({ position }) => position),
  ).ahead.length;
}
