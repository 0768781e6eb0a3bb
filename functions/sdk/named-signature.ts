import type { SignatureOptions } from "../core/canvas/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import { nameProblem } from "../core/names/names.ts";
import { createSignature, type TaskSignature } from "./signature.ts";

/** The parts of a signature beside the name of its task. */
export interface NamedSignatureParts {
  readonly args?: readonly unknown[];
  readonly kwargs?: { readonly [name: string]: unknown };
  readonly options?: SignatureOptions;
  /** `true` takes nothing from the previous step. Default `false`. */
  readonly immutable?: boolean;
}

/**
 * Returns a signature of a task whose code is not here, by its name. The name is looked up when the canvas is
 * submitted, which throws `unknown_task` for a task that is not registered. Types of arguments are not checked.
 * @throws FanfoldError `invalid_canvas` (`details.field`), `payload_too_large`, `too_deep`
 * @example chain(signature("dynamo.tasks.recall", { kwargs: { hydrate: true } }), report.s());
 */
export function signature(task: string, parts: NamedSignatureParts = {}): TaskSignature<readonly unknown[]> {
  const problem = nameProblem(task);
  if (problem !== undefined) throw invalid("/task", `the name of a task ${problem}`);
  for (const name of Object.keys(parts))
    if (!PARTS.includes(name)) throw invalid(`/${name}`, `a signature has no ${name}: give ${PARTS.join(", ")}`);
  return createSignature(task, parts, () => {
    throw new FanfoldError(
      "engine_unavailable",
      `${task} is known by its name only: submit the signature, or call the task itself inline`,
    );
  });
}
const PARTS: readonly string[] = ["args", "kwargs", "options", "immutable"];
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_canvas", message, { details: { field } });
}
