import type * as z from "zod/v4/core";
import type { FailurePolicy } from "../core/canvas/canvas.ts";
import type { TaskInfo } from "../core/task/invocation.ts";
import type { AnyBulkDefinition } from "./bulk.ts";
import type { LimitSettings } from "./limit-settings.ts";
import type { LogSettings } from "./task-settings.ts";
import type { TaskContext } from "./task-context.ts";

export const taskMark = Symbol.for("fanfold.task");

/** A task with any parameters, as registries, runners and modules hold it. */
export interface AnyTask {
  readonly [taskMark]: true;
  /** Unique among all tasks of a deployment. */
  readonly name: string;
  /** What the engine knows of the task. */
  readonly info: TaskInfo;
  /** The parts of the definition that the runner needs. */
  readonly definition: {
    readonly kwargs: z.$ZodObject | undefined;
    readonly args: z.$ZodType | undefined;
    readonly policy: FailurePolicy;
    /** The limits as they were given: their keys are texts, or functions. */
    readonly limits: LimitSettings;
    readonly log: LogSettings;
    readonly run: (ctx: TaskContext, ...args: readonly unknown[]) => unknown;
    /** Set only for a bulk task. `run` above then calls this with one run. */
    readonly bulk?: Pick<AnyBulkDefinition, "run" | "beforePass" | "afterPass">;
  };
}

/** Returns whether a value is a task that `defineTask` or `defineStateMachineTask` made. */
export function isTask(value: unknown): value is AnyTask {
  return typeof value === "object" && value !== null && Object.hasOwn(value, taskMark);
}
