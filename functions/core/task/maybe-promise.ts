import type { MaybePromise } from "./invocation.ts";

/** Goes on with a value at once when it is there, and later when it is a promise: work that awaits nothing costs no turn of the event loop. */
export function andThen<T, U>(value: MaybePromise<T>, goOn: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}
