import type { WorkflowInfo } from "../functions/client/index.ts";
import { parseCanvas } from "../functions/core/canvas/canvas-wire.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { nearestName } from "../functions/core/names/nearest-name.ts";
import { compileCanvas } from "../functions/core/plan/compile.ts";
import { strandTasks } from "../functions/core/plan/strand-tasks.ts";
import { createWorkflows, type Workflow } from "../functions/sdk/workflow.ts";

/** Returns the workflow of this name. Throws `unknown_workflow`. */
export function requireWorkflow(workflows: readonly Workflow[], name: string): WorkflowInfo {
  const found = createWorkflows(workflows);
  const info = found.list().find((each) => each.name === name);
  // A start throws, since there is none of this name.
  if (info === undefined) found.start(name, {});
  return info as WorkflowInfo;
}
/** Throws `unknown_task` for a task of a canvas that is not known. What else is wrong with it is said by the engine. */
export function checkTasks(wire: unknown, known: ReadonlySet<string>): void {
  for (const [{ task }, at] of strandTasks(compileCanvas(parseCanvas(structuredClone(wire)), () => undefined))) {
    if (known.has(task)) continue;
    const suggestion = nearestName(task, known);
    throw new FanfoldError(
      "unknown_task",
      `no task is called ${JSON.stringify(task)}${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
      { details: { field: `/canvas${at}/task`, task } },
    );
  }
}
