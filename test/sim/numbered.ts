import type { ItemCounts } from "../../functions/core/task/item-counts.ts";

/** What the number of a task decides, and no random choice: so a new choice does not change all others. */
interface Numbered {
  readonly heals?: number;
  readonly items?: Partial<ItemCounts>;
}
/** Most failures go away in the first or second retry, some never. Every third task reports items, some of them none. */
export function byNumber(number: number): Numbered {
  return {
    ...(number % 5 !== 0 && { heals: 1 + (number % 2) }),
    ...(number % 3 === 1 && {
      items: {
        processed: number % 4,
        skipped: number % 2,
        aborted: number % 5 === 0 ? 2 : 0,
        failures: number % 11 === 0 ? 1 : 0,
      },
    }),
  };
}
