import type * as z from "zod/v4/core";
import type { workflowMark } from "../core/workflow-mark.ts";
import type { CanvasSource } from "./builder-types.ts";

/** The key of the function that makes the canvas of parsed fields. */
export const buildCanvas: unique symbol = Symbol.for("fanfold.workflow.build");

/**
 * A named canvas with parameters, as `defineWorkflow` returns it. `Fields` are those that a start takes, `Source` is the
 * canvas that it makes.
 */
export interface Workflow<Fields = never, Source extends CanvasSource = CanvasSource, Name extends string = string> {
  readonly [workflowMark]: true;
  readonly name: Name;
  readonly description: string;
  readonly parameters: z.$ZodObject;
  /**
   * Returns the canvas that a start with these fields makes: they are checked, and have their defaults. For tests.
   * @throws FanfoldError `invalid_parameters` (`details.field`)
   * @example assert.equal(squares.canvas({ n: 3 }).canvas.kind, "chord");
   */
  readonly canvas: (fields: Fields) => Source;
  /** Seconds until a job is `timed-out`. */
  readonly timeoutSeconds: number | undefined;
  readonly supervised: boolean;
  readonly [buildCanvas]: (parameters: never) => CanvasSource;
}
