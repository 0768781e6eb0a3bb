import type * as z from "zod/v4/core";
import type { FailurePolicy } from "../core/canvas/canvas.ts";
import type { TaskInfo } from "../core/task/invocation.ts";
import type { TaskContext } from "./task-context.ts";

export const taskMark = Symbol.for("fanfold.task");

/** A task of any signature: what registries, runners and modules hold. */
export interface AnyTask {
  readonly [taskMark]: true;
  readonly name: string;
  readonly info: TaskInfo;
  /** For the runner. */
  readonly definition: {
    readonly kwargs: z.$ZodObject | undefined;
    readonly args: z.$ZodType | undefined;
    readonly policy: FailurePolicy;
    readonly run: (ctx: TaskContext, ...args: readonly unknown[]) => unknown;
  };
}

export function isTask(value: unknown): value is AnyTask {
  return typeof value === "object" && value !== null && Object.hasOwn(value, taskMark);
}
