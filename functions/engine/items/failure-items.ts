import { type Owned, pad, taskKey } from "../item-kinds.ts";
import type { Item, Key } from "../ports.ts";

/** `kind` is the text that `failureKindText` returns. */
export const failurePartition = (kind: string): string => `FX#${kind}`;
/** The first part of the sort key of failures. A query from here reads those since `at`. */
export const failureTime = (at: number): string => pad(at, 14);
export const failureKey = (kind: string, at: number, runId: string): Key =>
  taskKey(failurePartition(kind), `${failureTime(at)}#${runId}`);
export const FAILURE_KINDS = "FX";
export const failureKindKey = (kind: string): Key => taskKey(FAILURE_KINDS, kind);

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
