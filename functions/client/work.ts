import type { Jsonified, Json, JsonObject } from "../core/json.ts";
import { workflowMark } from "../core/workflow-mark.ts";
import type { CanvasSource, ResultOf } from "../sdk/builder-types.ts";
import type { Workflow } from "../sdk/workflow-type.ts";

/** Any workflow, whatever fields it takes. */
export type AnyWorkflow = Workflow;

/** The workflows that a module exports, by their names. */
type WorkflowsOf<Module> = {
  [Key in keyof Module as Module[Key] extends AnyWorkflow ? Module[Key]["name"] : never]: Module[Key];
};
/** The names of the workflows of a module. Of a module that is not known, any name. */
export type WorkflowName<Module> = unknown extends Module ? string : keyof WorkflowsOf<Module> & string;

/** The workflow that a name or a workflow stands for. */
type Referred<Module, Ref> = Ref extends keyof WorkflowsOf<Module> ? WorkflowsOf<Module>[Ref] : Ref;

/** The fields that a start of a workflow takes. */
export type FieldsOf<Module, Ref> = Referred<Module, Ref> extends Workflow<infer Fields> ? Given<Fields> : JsonObject;
type Given<Fields> = [Fields] extends [never] ? JsonObject : Fields;
/** The value of a job of a workflow or a canvas, as JSON gives it. */
export type ValueOfWork<Module, Work> =
  Referred<Module, Work> extends Workflow<never, infer Source>
    ? ValueOfCanvas<Source>
    : Work extends CanvasSource
      ? ValueOfCanvas<Work>
      : Json;
type ValueOfCanvas<Source> = Jsonified<ResultOf<Source>>;

/** The arguments after the workflow. Its fields may be left out when it needs none. */
export type FieldsThen<Fields, Options> = {} extends Fields
  ? [fields?: Fields, options?: Options]
  : [fields: Fields, options?: Options];

/** The arguments of a run after the work: options of a canvas, fields and options of a workflow. */
export type RunArguments<Module, Work, Options> = Work extends string
  ? [fields: FieldsOf<Module, Work>, options?: Options]
  : Work extends AnyWorkflow
    ? FieldsThen<FieldsOf<Module, Work>, Options>
    : [options?: Options];

/** Returns whether a value is a workflow. */
export function isWorkflow(work: unknown): work is AnyWorkflow {
  return typeof work === "object" && work !== null && Object.hasOwn(work, workflowMark);
}
export const workflowNameOf = (workflow: string | AnyWorkflow): string =>
  typeof workflow === "string" ? workflow : workflow.name;
