/**
 * Lets a few names take turns, each by its weight. It is start-time fair queueing: a name that was served is served again
 * after `1 / weight`, and a name that was absent starts at the present turn, so it has neither credit nor debt.
 */
export class Turns {
  readonly #weightOf: (name: string) => number;
  /** The turn at which a name is served next, as long as the present turn has not reached it. */
  readonly #next = new Map<string, number>();
  #now = 0;

  constructor(weightOf: (name: string) => number = () => 1) {
    this.#weightOf = weightOf;
  }
  /** Returns the names in the order in which they are served next. */
  order(names: Iterable<string>): string[] {
    return [...new Set(names)].toSorted((a, b) => this.#turnOf(a) - this.#turnOf(b));
  }
  took(name: string, count = 1): void {
    const turn = this.#turnOf(name);
    this.#now = turn;
    this.#next.set(name, turn + count / this.#weightOf(name));
  }
  #turnOf(name: string): number {
    return Math.max(this.#next.get(name) ?? 0, this.#now);
  }
}
