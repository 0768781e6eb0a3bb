/**
 * Why a run has run, or not.
 *
 * - `first`: nobody had asked before.
 * - `retry`: a retry of its job has begun this round.
 * - `input`: the step before it, `runId`, has run again.
 * - `shared`: it takes the end of a run that jobs share; `reused`: that had ended before.
 */
export type RunWhy =
  | RunCause
  | { readonly of: "first" | "retry" }
  | { readonly of: "input"; readonly runId: string }
  | { readonly of: "shared" | "reused"; readonly runId: string; readonly round: number };
/**
 * Why a round of a run that jobs share was begun. The first one has no cause beside that somebody asked.
 *
 * - `version`: the end was made by an earlier version of this task, which is its own, or that of one that it depends on.
 * - `dependency`: the end of this run has changed.
 * - `declared`: somebody declared a dependency that the run had not.
 * - `failure`: the end before was none that others take.
 * - `tier`: it had failed `failures` times in a row, and its task has tiers.
 * - `asked`: somebody has asked for it to run again.
 * - `removed`: it had been removed before.
 * - `age`: the end before was older than who asks allows.
 * - `expiry`: the end before would have been removed before the job that asks.
 */
export type RunCause =
  | { readonly of: "version"; readonly task: string; readonly from: number; readonly to: number }
  | { readonly of: "dependency"; readonly runId: string }
  | { readonly of: "failure"; readonly reason?: string }
  | { readonly of: "tier"; readonly failures: number }
  | { readonly of: "declared" | "asked" | "removed" | "age" | "expiry" };
