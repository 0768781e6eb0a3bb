/** What a program imports that talks to a Fanfold server. Runs in browsers too. */
export { createClient, type Client, type ClientOptions, type PageFilter, type PlanOptions, type ReadOptions, type StartOptions } from "./client.ts";
export {
  hasEnded,
  type ErrorData,
  type GraphNode,
  type Job,
  type JobCost,
  type JobEvent,
  type JobGraph,
  type JobPlan,
  type JobState,
  type Json,
  type JsonObject,
  type Page,
  type ResultEntry,
  type Run,
  type RunStatus,
  type Submitted,
  type WorkflowInfo,
} from "./types.ts";
export { jobResult, parentsOf, ResultError, type Result, type ResultSource } from "./results.ts";
