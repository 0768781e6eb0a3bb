import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommitGatherer } from "../../../functions/embedded/commit-gatherer.ts";
import { LmdbQueue } from "../../../functions/embedded/lmdb-queue.ts";
import { LmdbStore } from "../../../functions/embedded/lmdb-store.ts";
import type { OutgoingMessage, WriteResult } from "../../../functions/engine/ports.ts";

/**
 * Counts what passes through the ports of this process: write units as DynamoDB would bill them, messages, and the requests they would be to SQS. On SIGUSR2 a process
 * leaves its counts in the benchmark's folder: so nothing is written while something is measured.
 */
export interface Counts {
  readonly writeUnits: number;
  readonly messages: number;
  /** Up to ten messages of one queue and one call are one request. */
  readonly sendRequests: number;
  /** Transactions of the database. */
  readonly commits: number;
}
export const MESSAGES_PER_REQUEST = 10;
const counted = { writeUnits: 0, messages: 0, sendRequests: 0 };
const gatherers = new Set<CommitGatherer>();

/** Of this process, since it started. */
export function ownCounts(): Counts {
  return { ...counted, commits: [...gatherers].reduce((sum, gatherer) => sum + gatherer.stats().transactions, 0) };
}
export function countsFile(pid: number): string {
  return join(process.env["FANFOLD_BENCH_FOLDER"] ?? ".", `counts-${pid}.json`);
}

function noteWrites(results: readonly WriteResult[]): void {
  for (const { units } of results) counted.writeUnits += units;
}
function noteSent(messages: readonly OutgoingMessage[]): void {
  const byQueue = new Map<string, number>();
  for (const { queue } of messages) byQueue.set(queue, (byQueue.get(queue) ?? 0) + 1);
  counted.messages += messages.length;
  for (const count of byQueue.values()) counted.sendRequests += Math.ceil(count / MESSAGES_PER_REQUEST);
}
const ignore = (): void => undefined;

const { write, writeMany } = LmdbStore.prototype;
LmdbStore.prototype.write = function (op) {
  const written = write.call(this, op);
  written.then((result) => noteWrites([result]), ignore);
  return written;
};
LmdbStore.prototype.writeMany = function (ops) {
  const written = writeMany.call(this, ops);
  written.then(noteWrites, ignore);
  return written;
};
const { send } = LmdbQueue.prototype;
LmdbQueue.prototype.send = function (messages) {
  noteSent(messages);
  return send.call(this, messages);
};
const run = CommitGatherer.prototype.run as (this: CommitGatherer, action: () => unknown) => Promise<unknown>;
CommitGatherer.prototype.run = function <T>(this: CommitGatherer, action: () => T): Promise<T> {
  gatherers.add(this);
  return run.call(this, action) as Promise<T>;
};
process.on("SIGUSR2", () => {
  const file = countsFile(process.pid);
  writeFileSync(`${file}.new`, JSON.stringify(ownCounts()));
  renameSync(`${file}.new`, file);
});
