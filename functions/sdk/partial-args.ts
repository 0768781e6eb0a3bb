/**
 * Partial arguments. The result of the step before is prepended, so what a signature states is the end of a parameter list and what it still
 * misses is the beginning.
 */

/** Every end of a parameter list, the whole and the empty one included. */
export type Ends<Args extends readonly unknown[]> = Args extends readonly []
  ? []
  : Args | (Args extends readonly [unknown?, ...infer Rest] ? (number extends Args["length"] ? [] : Ends<Rest>) : []);

/** What is missing once `Given` stands at the end. With optional parameters the longest list that may still come. */
export type Missing<Args extends readonly unknown[], Given extends readonly unknown[]> = number extends Args["length"]
  ? Args
  : Given extends readonly [unknown, ...infer Rest]
    ? Required<Args> extends readonly [...infer Front, unknown]
      ? Missing<FrontOf<Args, Front>, Rest>
      : []
    : Args;

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
