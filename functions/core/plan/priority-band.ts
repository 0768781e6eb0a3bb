/** The bands into which priorities 0 to 9 are folded: 0 is served last, 2 first. */
export type Band = 0 | 1 | 2;
/** The band of work without a priority. */
export const MIDDLE_BAND: Band = 1;

/** Folds priorities 0 to 3, 4 to 6 and 7 to 9 into bands. */
export function bandOf(priority: number | undefined): Band {
  if (priority === undefined) return MIDDLE_BAND;
  if (priority <= 3) return 0;
  return priority <= 6 ? 1 : 2;
}

/** Every so many takes of a queue, the lowest waiting band is served first. So a lower band never starves. */
export const LOWEST_EVERY = 8;
const HIGHEST_FIRST: readonly Band[] = [2, 1, 0];
const LOWEST_FIRST: readonly Band[] = [0, 1, 2];

/** Returns the bands in the order in which the next take of a queue looks at them. `takes` counts those before it. */
export function bandsInTurn(takes: number): readonly Band[] {
  return takes % LOWEST_EVERY === LOWEST_EVERY - 1 ? LOWEST_FIRST : HIGHEST_FIRST;
}

/**
 * Returns how many of the next `max` takes serve each band, when `ready` says how many messages each has. `takes` counts
 * the takes before them.
 */
export function sharesOfTakes(
  takes: number,
  max: number,
  ready: Readonly<Record<Band, number>>,
): Readonly<Record<Band, number>> {
  const shares = { 0: 0, 1: 0, 2: 0 };
  const waits = (band: Band): boolean => shares[band] < ready[band];
  for (let take = 0; take < max; take++) {
    const band = bandsInTurn(takes + take).find(waits);
    if (band === undefined) break;
    shares[band]++;
  }
  return shares;
}
