/**
 * Partial arguments. The result of the step before is prepended, so what a signature states is the end of a parameter list and what it still
 * misses is the beginning.
 */

/** Every end of a parameter list, the whole and the empty one included. */
export type Ends<Args extends readonly unknown[]> = Args extends readonly []
  ? []
  : Args | (Args extends readonly [unknown?, ...infer Rest] ? (number extends Args["length"] ? [] : Ends<Rest>) : []);

/** What is missing once `Given` stands at the end. Where optional parameters let it stand further to the left, what is then not missing is optional. */
export type Missing<Args extends readonly unknown[], Given extends readonly unknown[]> = number extends Args["length"]
  ? Args
  : Relaxed<Longest<Args, Given>, Given, Args>;

/** With all optional parameters filled by `Given` the least is missing of the parameters before them. */
type Longest<Args extends readonly unknown[], Given extends readonly unknown[]> = Given extends readonly [unknown, ...infer Rest]
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

/** The front of a list keeps its optional marks; `Front` has lost them and only tells the length. */
type FrontOf<Args extends readonly unknown[], Front extends readonly unknown[]> = Args extends readonly [infer First, ...infer Rest]
  ? Front extends readonly [unknown, ...infer FrontRest]
    ? [First, ...FrontOf<Rest, FrontRest>]
    : []
  : Args extends readonly [(infer First)?, ...infer Rest]
    ? Front extends readonly [unknown, ...infer FrontRest]
      ? [First?, ...FrontOf<Rest, FrontRest>]
      : []
    : [];
