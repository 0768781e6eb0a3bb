import type { MaybePromise } from "../core/task/invocation.ts";

/** Waits for all, then throws the first failure. So no work goes on after its message was given up. */
export async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
/** Calls `work` for each item, with at most `limit` calls at a time. Waits for all, then throws the first failure. */
export async function eachBounded<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const workOn = async (first: T): Promise<void> => {
    await work(first);
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  const working: Promise<void>[] = [];
  while (working.length < limit) {
    const first = iterator.next();
    if (first.done) break;
    working.push(workOn(first.value));
  }
  await all(working);
}

/** Runs at most `most` pieces of work at a time, first come, first served. */
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

/**
 * Yields the items of slices one by one, each converted when it is asked for. A generator would take several turns of
 * the event loop for each item; this takes none while the slice lasts, so it is written by hand.
 *
 *     giving   an item of the slice is left, and no load is under way: `next` converts it at once
 *     loading  the slice is used up, or a load is under way: `next` waits for all loads before it, then loads or gives
 *     ended    `return` was called, or the source is done: `next` finds an empty slice and a source that is done
 */
export function eachOf<T, U>(
  slices: AsyncGenerator<readonly T[], void, undefined>,
  convert: (item: T) => MaybePromise<U>,
): AsyncIterableIterator<U> {
  let slice: readonly T[] = [];
  let at = 0;
  let loading: Promise<unknown> = Promise.resolve();
  let loads = 0;
  const give = (): Promise<IteratorResult<U>> => {
    const converted = convert(slice[at++] as T);
    if (converted instanceof Promise) return converted.then((value) => ({ value, done: false }));
    return Promise.resolve({ value: converted, done: false });
  };
  const load = async (): Promise<IteratorResult<U>> => {
    while (at >= slice.length) {
      const next = await slices.next();
      if (next.done) return { value: undefined, done: true };
      slice = next.value;
      at = 0;
    }
    return give();
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      // A caller may ask for several items at once, so each call that must load waits for the call before.
      if (loads === 0 && at < slice.length) return give();
      loads++;
      const loaded = loading.then(load).finally(() => loads--);
      loading = loaded.catch(() => undefined);
      return loaded;
    },
    async return() {
      slice = [];
      await slices.return();
      return { value: undefined, done: true };
    },
  };
}

/** Marks the failure of a promise as handled, because the promise is awaited later, together with others. */
export function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}
