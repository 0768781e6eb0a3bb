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
