/** The public interface for programs that talk to a Fanfold server. Runs in browsers too. */
export { createClient } from "./create-client.ts";
export type { Client, StartedJob } from "./client.ts";
export type {
  DeadLetterAction,
  DeadLetterFilter,
  FailureFilter,
  GraphOptions,
  IdentityFilter,
  InputItem,
  JobFilter,
  LockFilter,
  OpenItems,
  PageFilter,
  PlanOptions,
  ReadOptions,
  ReportFilter,
  RetryAllOptions,
  RetryOptions,
  RetrySelection,
  RunFilter,
  StartWorkflowOptions,
  WaitFilter,
} from "./options.ts";
export type { JobHandle } from "./job-handle.ts";
export type { Pages } from "./pages.ts";
export type { Pace } from "./follow-job.ts";
export type { AwsCredentials, AwsOptions } from "./sign-requests.ts";
export type { Jsonified } from "../core/json.ts";
export type { BatchedStart, StartOutcome } from "./batch.ts";
export type { BlobContent, Blobs, PutBlobOptions } from "./blobs.ts";
export type { BlobRef } from "../core/blob-ref.ts";
export type { ClientOptions } from "./transport.ts";
export {
  hasEnded,
  type DeadLetter,
  type DeadLetterCounts,
  type DeadLetterReason,
  type ErrorData,
  type FailureGroup,
  type GraphNode,
  type GroupView,
  type Health,
  type Job,
  type JobCost,
  type JobEvent,
  type JobGraph,
  type JobPlan,
  type JobState,
  type Json,
  type JsonObject,
  type LockUser,
  type Identity,
  type LockView,
  type Page,
  type Pause,
  type PauseTarget,
  type Queue,
  type Report,
  type ResultEntry,
  type Retried,
  type RetriedJobs,
  type RetryPreview,
  type Run,
  type RunDetail,
  type RunWhy,
  type RunStatus,
  type Schedule,
  type Site,
  type StatisticsPage,
  type TaskFigures,
  type TaskStatistics,
  type ScheduleSpec,
  type StartOptions,
  type Submitted,
  type TriggeredSchedule,
  type Wait,
  type WorkflowInfo,
} from "./types.ts";
export { jobResult, parentsOf, ResultError, type Result, type ResultSource } from "./results.ts";
export { JOB_STATES } from "../core/job-state.ts";
