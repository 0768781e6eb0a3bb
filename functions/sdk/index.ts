/** The public interface for authors of tasks and workflows. */
export {
  defineTask,
  type RemoveCall,
  type ScheduleCall,
  type Task,
  type TaskDefinition,
  type ValueOf,
} from "./task.ts";
export { DEFAULT_TIMEOUT_SECONDS, type KwargsOf } from "./task-settings.ts";
export { type AnyTask } from "./any-task.ts";
export type { BulkContext, BulkRun, BulkRunOutcome, BulkTaskDefinition } from "./bulk.ts";
export { defineStateMachineTask, type InputContext, type StateMachineTaskDefinition } from "./state-machine-task.ts";
export {
  type AnyResource,
  defineResource,
  type Resource,
  type ResourceContext,
  type ResourceDefinition,
} from "./resource.ts";
export type { Keyed, KeyContext, LimitKey, LimitSettings } from "./limit-settings.ts";
export type { ConcurrencyLimit, LockRequest, RateLimit } from "../core/task/run-limits.ts";
export type { Ends, Missing } from "./partial-args.ts";
export type { TaskSignature } from "./signature.ts";
export { signature, type NamedSignatureParts } from "./named-signature.ts";
export { canvasFrom, chain, chord, group } from "./canvas-builder.ts";
export { isFailedMember, type FailedMember } from "./failed-member.ts";
export type { FailedRequest, LinkedError } from "./failed-request.ts";
export type {
  CanvasBuilder,
  CanvasSource,
  ChunksBuilder,
  GroupBuilder,
  RestOf,
  ResultOf,
  TypedCanvas,
} from "./builder-types.ts";
export { approval, repeat, waitForEvent, when, type WaitOptions } from "./flow-builder.ts";
export { addTask, Graph, taskTemplate, type GraphTask, type NodePlace, type NodeTask } from "./graph.ts";
export { RUN_SUBDAG, submitSubdag, type SubdagItem, type SubdagOptions } from "./submit-subdag.ts";
export type { ValueCondition } from "../core/canvas/value-condition.ts";
export type { Marks, StampRules, StampVisitor } from "../core/canvas/canvas-stamp.ts";
export type {
  CallbackOptions,
  CursorItem,
  RunIds,
  SpawnedChildren,
  SpawnedGroup,
  SpawnOptions,
  StreamYield,
  TaskContext,
  TaskLog,
} from "./task-context.ts";
export type { BlobContent, PutBlobOptions, TaskBlobs } from "./task-blobs.ts";
export type { BlobRef } from "../core/blob-ref.ts";
export { TaskBroken, TaskError, type TaskErrorOptions } from "./errors.ts";
export {
  defineWorkflow,
  createWorkflows,
  type StartedWorkflow,
  type Workflow,
  type WorkflowDefinition,
  type WorkflowInfo,
  type Workflows,
} from "./workflow.ts";
export { setSubmitter, type SubmitCall, type SubmitOptions, type SubmittedJob, type Submitter } from "./submitter.ts";
export { createRegistry, createRunner } from "./runner.ts";
export { loadTaskModule, type TaskModule } from "./module.ts";

export type {
  Canvas,
  Chain,
  Chord,
  FailurePolicy,
  Group,
  GraphOptions,
  GroupOptions,
  Signature,
  SignatureOptions,
  Tracking,
} from "../core/canvas/canvas.ts";
export { FanfoldError, type ErrorCode } from "../core/errors.ts";
export type { ErrorData, GroupHandle, ResultEntry, TaskRegistry, TaskRunner } from "../core/task/invocation.ts";
export type { RetryPolicy } from "../core/retry-policy.ts";
export type { ForgottenRun, ScheduledRun, ScheduleRunOptions } from "../core/task/scheduled-run.ts";
export type { RetryTier, RetryTiers } from "../core/tiers.ts";
export type { Json, Jsonified, JsonObject } from "../core/json.ts";
export type { Names } from "../core/names/known-names.ts";
export { formatQueueName, parseQueueName, type QueueDefaults, type QueueFunction } from "../core/names/queue-name.ts";
export { type GivenQueueName, QueueName } from "./queue-name.ts";
export { currentQueue, currentSite } from "./current-task.ts";
