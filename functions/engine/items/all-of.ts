/** Where a query goes on; empty for its first slice. */
interface After {
  readonly cursor?: string;
}

/** Yields every slice of a query. Asks for the next slice only after the caller has dealt with the one before. */
export async function* allOf<Slice extends After>(
  query: (after: After) => Promise<Slice>,
): AsyncGenerator<Slice, void, undefined> {
  let after: After | undefined = {};
  while (after) {
    const slice: Slice = await query(after);
    yield slice;
    after = slice.cursor === undefined ? undefined : { cursor: slice.cursor };
  }
}
