/** Positions, each from the first to the last. */
export type PositionRange = readonly [first: number, last: number];
/**
 * The positions of a list of items that were reported: all before `cursor`, and those in the ranges of `ahead`. The
 * ranges are in order, do not touch each other, and lie behind the cursor.
 */
export interface ReportedPositions {
  readonly cursor: number;
  readonly ahead: readonly PositionRange[];
}
export const NONE_REPORTED: ReportedPositions = { cursor: 0, ahead: [] };

/** Returns whether a position was reported. */
export function isReported({ cursor, ahead }: ReportedPositions, position: number): boolean {
  if (position < cursor) return true;
  let from = 0;
  let to = ahead.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ahead[middle] as PositionRange)[1] < position) from = middle + 1;
    else to = middle;
  }
  const range = ahead[from];
  return range !== undefined && range[0] <= position;
}
/** Returns the positions that were reported, with further ones. */
export function withPositions(reported: ReportedPositions, positions: Iterable<number>): ReportedPositions {
  const single = [...positions].map((position): PositionRange => [position, position]);
  const ahead: [number, number][] = [];
  let { cursor } = reported;
  for (const [first, last] of [...reported.ahead, ...single].toSorted(([a], [b]) => a - b)) {
    const before = ahead.at(-1);
    if (first <= cursor) cursor = Math.max(cursor, last + 1);
    else if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else ahead.push([first, last]);
  }
  return { cursor, ahead };
}

/** Returns ranges as text, for instance `5-9,12`. */
export function rangesText(ranges: readonly PositionRange[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}
/** Returns the ranges of a text that `rangesText` made. */
export function rangesOf(text: string): readonly PositionRange[] {
  if (text === "") return [];
  return text.split(",").map((range): PositionRange => {
    const [first, last = first] = range.split("-").map(Number);
    return [first as number, last as number];
  });
}
