/**
 * Types for partial arguments. The result of the previous step is prepended. So a signature states the end of a
 * parameter list, and the beginning is missing.
 */

/** Every end of a parameter list, from the whole list to the empty one. */
export type Ends<Args extends readonly unknown[]> = Args extends readonly []
  ? []
  : Args | (Args extends readonly [unknown?, ...infer Rest] ? (number extends Args["length"] ? [] : Ends<Rest>) : []);

/**
 * The arguments that are missing when `Given` stands at the end of the list. Optional parameters may let `Given` stand
 * further to the left. The parameters between the two places are then optional.
 */
export type Missing<Args extends readonly unknown[], Given extends readonly unknown[]> = number extends Args["length"]
  ? Args
  : Relaxed<Longest<Args, Given>, Given, Args>;

/** The missing parameters when `Given` fills all optional parameters, which leaves the fewest missing. */
type Longest<Args extends readonly unknown[], Given extends readonly unknown[]> = Given extends readonly [
  unknown,
  ...infer Rest,
]
  ? Required<Args> extends readonly [...infer Front, unknown]
    ? Longest<FrontOf<Args, Front>, Rest>
    : []
  : Args;
type Relaxed<
  Rest extends readonly unknown[],
  Given extends readonly unknown[],
  Args extends readonly unknown[],
  Optional extends readonly unknown[] = [],
> = Rest extends readonly [...infer Front, infer Final]
  ? [...Front, ...Given] extends Args
    ? Relaxed<Front, Given, Args, [Final?, ...Optional]>
    : [...Rest, ...Optional]
  : Optional extends readonly []
    ? Rest
    : [...Rest, ...Optional];

/** The front of a list with its optional marks. `Front` has lost the marks and only gives the length. */
type FrontOf<Args extends readonly unknown[], Front extends readonly unknown[]> = Args extends readonly [
  infer First,
  ...infer Rest,
]
  ? Front extends readonly [unknown, ...infer FrontRest]
    ? [First, ...FrontOf<Rest, FrontRest>]
    : []
  : Args extends readonly [(infer First)?, ...infer Rest]
    ? Front extends readonly [unknown, ...infer FrontRest]
      ? [First?, ...FrontOf<Rest, FrontRest>]
      : []
    : [];
