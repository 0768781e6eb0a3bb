/** `fanfold/embedded`: the engine in your own process, on a folder of this machine. */
export { startFanfold, type BatchedWork, type Fanfold, type FanfoldOptions } from "./start-fanfold.ts";
export type { Durability } from "./lmdb/commit-gatherer.ts";
export type { Log, LogLevel } from "../host/log.ts";
export { ResultError } from "../client/results.ts";
export type { StartOutcome } from "../client/batch.ts";
export type { Job, JobState, Submitted } from "../client/types.ts";
