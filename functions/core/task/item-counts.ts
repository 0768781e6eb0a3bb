/** Items of path tasks by the state in which the last step left them. */
export interface ItemCounts {
  readonly processed: number;
  readonly skipped: number;
  readonly failures: number;
  readonly aborted: number;
  readonly inprogress: number;
}
export const NO_ITEMS: ItemCounts = { processed: 0, skipped: 0, failures: 0, aborted: 0, inprogress: 0 };
export const ITEM_STATES = Object.keys(NO_ITEMS) as readonly (keyof ItemCounts)[];
/** Returns counts with those of further items. */
export function withItems(counts: ItemCounts, states: Iterable<keyof ItemCounts>): ItemCounts {
  const sum: { -readonly [State in keyof ItemCounts]: number } = { ...counts };
  for (const state of states) sum[state]++;
  return sum;
}
/** Returns the number of items in all states. */
export function itemTotal(counts: ItemCounts): number {
  return ITEM_STATES.reduce((sum, state) => sum + counts[state], 0);
}
