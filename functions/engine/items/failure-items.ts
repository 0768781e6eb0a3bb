import type { Owned } from "../item-kinds.ts";
import type { Item } from "../ports.ts";

/** A failed run in the index of failures. `at` is in milliseconds since the epoch. */
export interface FailureAttributes extends Owned {
  readonly at: number;
  readonly runId: string;
  readonly round: number;
  readonly name: string;
  readonly message: string;
}
/** A kind of failure, in the directory of the index. It belongs to no job. */
export interface FailureKindAttributes extends Omit<Owned, "jobId"> {
  readonly task: string;
  readonly reason: string;
}
export const asFailure = (item: Item): FailureAttributes => item.attributes as unknown as FailureAttributes;
export const asFailureKind = (item: Item): FailureKindAttributes => item.attributes as unknown as FailureKindAttributes;
