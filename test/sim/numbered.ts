import type { ItemCounts } from "../../functions/core/task/item-counts.ts";

/** What the number of a task decides, and no random choice: so a new choice does not change all others. */
interface Numbered {
  readonly heals?: number;
  readonly items?: Partial<ItemCounts>;
  readonly reports?: number;
}
/**
 * Most failures go away in the first or second retry, some never. Every third task reports items, some of them none, and
 * every ninth one streams them.
 */
export function byNumber(number: number, { stream, execution }: { stream?: unknown; execution?: unknown }): Numbered {
  const reports = number % 9 === 1 && stream === undefined && execution === undefined;
  return {
    ...(number % 5 !== 0 && { heals: 1 + (number % 2) }),
    ...(reports && { reports: 3 + (number % 7) }),
    ...(number % 3 === 1 &&
      !reports && {
        items: {
          processed: number % 4,
          skipped: number % 2,
          aborted: number % 5 === 0 ? 2 : 0,
          failures: number % 11 === 0 ? 1 : 0,
        },
      }),
  };
}
