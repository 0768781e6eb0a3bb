/** Statistics of samples. Every function is pure. */

/**
 * Returns the value below which a share of the samples lies, by the nearest rank.
 * @throws RangeError without samples
 */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new RangeError("there is no percentile of nothing");
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length, Math.max(1, Math.ceil(share * sorted.length))) - 1] as number;
}
/**
 * Returns the middle sample, or the mean of the two in the middle.
 * @throws RangeError without samples
 */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError("there is no median of nothing");
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[upper] as number)
    : ((sorted[upper - 1] as number) + (sorted[upper] as number)) / 2;
}
/** One figure of two runs, made one after the other. More is better. */
interface Pair {
  readonly ours: number;
  readonly theirs: number;
}
export interface Ratio {
  /** Median of the ratios of the pairs. A slow machine slows both runs of a pair. */
  readonly ratio: number;
  readonly least: number;
  readonly most: number;
  /** Median of each side. */
  readonly ours: number;
  readonly theirs: number;
  readonly runs: number;
}
/**
 * Returns the ratio of two sides.
 * @throws RangeError without pairs
 */
export function ratioOf(pairs: readonly Pair[]): Ratio {
  const ratios = pairs.map(({ ours, theirs }) => ours / theirs);
  return {
    ratio: round(median(ratios)),
    least: round(Math.min(...ratios)),
    most: round(Math.max(...ratios)),
    ours: round(median(pairs.map((pair) => pair.ours))),
    theirs: round(median(pairs.map((pair) => pair.theirs))),
    runs: pairs.length,
  };
}
/** Rounds to four significant digits. Whole numbers stay whole. */
export function round(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4));
}
