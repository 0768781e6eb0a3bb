import { FanfoldError } from "../../core/errors.ts";
import { PortError } from "../../engine/ports.ts";

/**
 * With `process` a finished write survives the death of every process. With `power` it also survives a power cut, at
 * the cost of two flushes per commit.
 */
export type Durability = "process" | "power";

interface Operation {
  readonly action: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}
/**
 * Time for which a transaction may hold the writers' lock and this thread. Then the remaining operations wait for the
 * next.
 */
const TRANSACTION_MILLISECONDS = 25;
const COMMIT_FAILED =
  "the commit failed; if this goes on although the disk has room, start again: a start checks the database and repairs it";

/**
 * Makes one transaction of all operations that this process issues in one turn of the event loop. A commit costs as
 * much as a dozen single writes, so this determines the speed of the whole runtime.
 *
 * The transaction runs synchronously on this thread. An asynchronous one was measured and is no faster. It would also
 * hold the writers' lock of all processes until this thread is free, which user code may delay.
 *
 * An operation checks everything before its first write. If one throws nevertheless, the transaction is undone and each
 * operation runs again in a transaction of its own. So an operation must have no effects outside the store.
 */
export class CommitGatherer {
  readonly #transact: (action: () => void) => void;
  #pending: Operation[] = [];
  #scheduled = false;
  #stats = { transactions: 0, operations: 0 };
  /** `performance.now()` of the last commit. A later failure of the database resets it. */
  #committedAt: number | undefined;

  /** `transact` runs the action in a transaction that has been committed when it returns, or undone when it throws. */
  constructor(transact: (action: () => void) => void) {
    this.#transact = transact;
  }

  /** Resolves with the action's result once its transaction is committed. */
  run<T>(action: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ action, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  stats(): { readonly transactions: number; readonly operations: number } {
    return { ...this.#stats };
  }

  /** Milliseconds since the last commit. Undefined when none was made, or a write has failed since. */
  get committedAgoMs(): number | undefined {
    return this.#committedAt === undefined ? undefined : performance.now() - this.#committedAt;
  }

  /** Commits all pending operations at once. */
  drain(): void {
    while (this.#pending.length > 0) this.#commitPending();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commitPending();
      if (this.#pending.length > 0) this.#schedule();
    });
  }

  #commitPending(): void {
    const operations = this.#pending;
    this.#pending = [];
    const outcome = this.#attempt(operations);
    if (outcome.kind === "committed") {
      this.#pending = [...operations.slice(outcome.results.length), ...this.#pending];
      this.#resolve(operations, outcome.results);
    } else if (outcome.kind === "commitFailed") {
      for (const { reject } of operations) reject(outcome.error);
    } else if (operations.length === 1) (operations[0] as Operation).reject(outcome.error);
    else for (const operation of operations) this.#commitAlone(operation);
  }

  #commitAlone(operation: Operation): void {
    const outcome = this.#attempt([operation]);
    if (outcome.kind === "committed") this.#resolve([operation], outcome.results);
    else operation.reject(outcome.error);
  }

  /** Runs at least one operation, and more until the time of a transaction has passed. */
  #attempt(operations: readonly Operation[]): Outcome {
    const results: unknown[] = [];
    let done = false;
    try {
      this.#transact(() => {
        const start = performance.now();
        for (const { action } of operations) {
          results.push(action());
          if (performance.now() - start > TRANSACTION_MILLISECONDS) break;
        }
        done = true;
      });
    } catch (error) {
      const known = asPortError(error);
      if (done || known instanceof PortError) this.#committedAt = undefined;
      // An operation that throws undoes the transaction. A commit that fails may have reached the disk in part.
      if (done) return { kind: "commitFailed", error: new PortError("ambiguous", COMMIT_FAILED, { cause: error }) };
      return { kind: "operationFailed", error: known };
    }
    this.#committedAt = performance.now();
    this.#stats.transactions++;
    this.#stats.operations += results.length;
    return { kind: "committed", results };
  }

  #resolve(operations: readonly Operation[], results: readonly unknown[]): void {
    results.forEach((result, index) => (operations[index] as Operation).resolve(result));
  }
}

type Outcome =
  | { readonly kind: "committed"; readonly results: readonly unknown[] }
  | { readonly kind: "operationFailed"; readonly error: unknown }
  | { readonly kind: "commitFailed"; readonly error: unknown };

/** Returns an error of Fanfold as it is, and any other, which the database threw, as an outage. */
export function asPortError(error: unknown): unknown {
  if (error instanceof FanfoldError || error instanceof PortError) return error;
  return new PortError("outage", `the local store failed: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
