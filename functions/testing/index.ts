/** `fanfold/testing`: the engine in memory, on a clock that jumps over waits. */
export { TestEngine, type TestEngineOptions } from "./kit/test-engine.ts";
export { runTask, type GivenContext } from "./kit/run-task.ts";
export { expectCallbackOnce } from "./kit/expect-callback.ts";
export type { Attempt, LogLine } from "./kit/attempts.ts";
export type { Faults } from "./kit/seeded-faults.ts";
export { ResultError } from "../client/results.ts";
