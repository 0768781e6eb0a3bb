import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommitGatherer } from "../../../functions/embedded/lmdb/commit-gatherer.ts";
import { LmdbQueue } from "../../../functions/embedded/lmdb/lmdb-queue.ts";
import { LmdbStore } from "../../../functions/embedded/lmdb/lmdb-store.ts";
import type { OutgoingMessage, WriteResult } from "../../../functions/engine/ports.ts";

/**
 * What has passed through the ports of a process: write units as DynamoDB bills them, messages, and the SQS requests
 * that would carry them. A process writes its counts to the benchmark's folder on SIGUSR2, so it writes nothing during
 * a measurement.
 */
export interface Counts {
  readonly writeUnits: number;
  readonly messages: number;
  /** Requests: up to ten messages of one queue and one call are one request. */
  readonly sendRequests: number;
  /** Transactions of the database. */
  readonly commits: number;
}
export const MESSAGES_PER_REQUEST = 10;
const counted = { writeUnits: 0, messages: 0, sendRequests: 0 };
const gatherers = new Set<CommitGatherer>();

/** Counts of this process since it started. */
export function ownCounts(): Counts {
  return { ...counted, commits: [...gatherers].reduce((sum, gatherer) => sum + gatherer.stats().transactions, 0) };
}
export function countsFile(pid: number): string {
  return join(process.env["FANFOLD_BENCH_FOLDER"] ?? ".", `counts-${pid}.json`);
}

/** Calls `note` with the arguments and the result of a method, on every call. */
function watch(
  prototype: object,
  name: string,
  note: (self: object, given: readonly unknown[], gives: unknown) => void,
): void {
  const method = Reflect.get(prototype, name) as ((...given: unknown[]) => unknown) | undefined;
  if (typeof method !== "function")
    throw new Error(
      `there is no method ${name} to watch any more: test/bench/fanfold/counters.ts counts something else now`,
    );
  Reflect.set(prototype, name, function (this: object, ...given: unknown[]): unknown {
    const gives = Reflect.apply(method, this, given);
    note(this, given, gives);
    return gives;
  });
}
function noteWrites(written: Promise<readonly WriteResult[]>): void {
  written.then(
    (results) => {
      for (const { units } of results) counted.writeUnits += units;
    },
    () => undefined,
  );
}
function noteSent(messages: readonly OutgoingMessage[]): void {
  const byQueue = new Map<string, number>();
  for (const { queue } of messages) byQueue.set(queue, (byQueue.get(queue) ?? 0) + 1);
  counted.messages += messages.length;
  for (const count of byQueue.values()) counted.sendRequests += Math.ceil(count / MESSAGES_PER_REQUEST);
}
watch(LmdbStore.prototype, "write", (_store, _given, written) =>
  noteWrites((written as Promise<WriteResult>).then((result) => [result])),
);
watch(LmdbStore.prototype, "writeMany", (_store, _given, written) =>
  noteWrites(written as Promise<readonly WriteResult[]>),
);
watch(LmdbQueue.prototype, "send", (_queue, [messages]) => noteSent(messages as readonly OutgoingMessage[]));
watch(CommitGatherer.prototype, "run", (gatherer) => void gatherers.add(gatherer as CommitGatherer));

process.on("SIGUSR2", () => {
  const file = countsFile(process.pid);
  writeFileSync(`${file}.new`, JSON.stringify(ownCounts()));
  renameSync(`${file}.new`, file);
});
