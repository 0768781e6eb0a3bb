/** The nodes of a graph by their places: for each node the nodes that it follows. */
export type Parents = readonly (readonly number[])[];

/**
 * Returns the nodes of a graph so that each comes after its parents, else in the order in which they were given. In a
 * graph with a cycle, returns the nodes of one, each of which follows the next one.
 */
export function orderOf(parents: Parents): { readonly order: readonly number[]; readonly cycle?: readonly number[] } {
  const children = childrenOf(parents);
  const missing = parents.map((each) => each.length);
  const ready = new ReadyPlaces();
  missing.forEach((count, place) => {
    if (count === 0) ready.add(place);
  });
  const order: number[] = [];
  for (let place = ready.first(); place !== undefined; place = ready.first()) {
    order.push(place);
    for (const child of children[place] ?? []) if (--(missing[child] as number) === 0) ready.add(child);
  }
  if (order.length === parents.length) return { order };
  // What is left has a parent that is left, so the way up leads into a cycle.
  const left = (place: number): boolean => (missing[place] as number) > 0;
  const path: number[] = [];
  let at = parents.findIndex((_, place) => left(place));
  while (!path.includes(at)) {
    path.push(at);
    at = parents[at]?.find(left) as number;
  }
  return { order, cycle: path.slice(path.indexOf(at)) };
}
/** Places that are ready, smallest first. */
class ReadyPlaces {
  readonly #places: number[] = [];

  add(place: number): void {
    const after = this.#places.findIndex((each) => each > place);
    this.#places.splice(after < 0 ? this.#places.length : after, 0, place);
  }
  first(): number | undefined {
    return this.#places.shift();
  }
}

const children = new WeakMap<Parents, readonly (readonly number[])[]>();
/** Returns for each node the nodes that follow it. Remembered, because each run that ends asks for its own. */
export function childrenOf(parents: Parents): readonly (readonly number[])[] {
  const known = children.get(parents);
  if (known) return known;
  const found: number[][] = parents.map(() => []);
  parents.forEach((each, child) => {
    for (const parent of each) found[parent]?.push(child);
  });
  children.set(parents, found);
  return found;
}
/** Returns the nodes below these ones. */
export function descendantsOf(parents: Parents, places: Iterable<number>): ReadonlySet<number> {
  const below = new Set<number>();
  const open = [...places];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    for (const child of childrenOf(parents)[place] ?? []) {
      if (below.has(child)) continue;
      below.add(child);
      open.push(child);
    }
  }
  return below;
}
