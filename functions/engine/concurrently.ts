import type { MaybePromise } from "../core/task/invocation.ts";

/** Waits for all, then throws the first failure: nothing goes on behind the back of a message that was given up. */
export async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
/** Like `all` over a function, at most `limit` at a time. */
export async function eachBounded<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await all(Array.from({ length: limit }, lane));
}

/** At most so many at a time; first come, first served. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** The items of pages one by one, each made into what is given when it is asked for: without a generator's turns of the event loop for each. */
export function eachOf<T, U>(pages: AsyncGenerator<readonly T[], void, undefined>, make: (item: T) => MaybePromise<U>): AsyncIterableIterator<U> {
  let page: readonly T[] = [];
  let at = 0;
  let loading: Promise<unknown> = Promise.resolve();
  let loads = 0;
  const give = (): Promise<IteratorResult<U>> => {
    const made = make(page[at++] as T);
    return made instanceof Promise ? made.then((value) => ({ value, done: false })) : Promise.resolve({ value: made, done: false });
  };
  const load = async (): Promise<IteratorResult<U>> => {
    while (at >= page.length) {
      const next = await pages.next();
      if (next.done) return { value: undefined, done: true };
      page = next.value;
      at = 0;
    }
    return give();
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      // Asked for several at once: each waits for the one before.
      if (loads === 0 && at < page.length) return give();
      loads++;
      const loaded = loading.then(load).finally(() => loads--);
      loading = loaded.catch(() => undefined);
      return loaded;
    },
    async return() {
      page = [];
      await pages.return();
      return { value: undefined, done: true };
    },
  };
}

/** Awaited later, together with others. */
export function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}
