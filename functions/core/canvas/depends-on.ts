import { FanfoldError } from "../errors.ts";
import { isPlainObject, toJson } from "../json-check.ts";
import { jsonPointer } from "../json-pointer.ts";
import type { Json, JsonObject } from "../json.ts";
import { LIMITS } from "../limits.ts";
import { nameProblem } from "../names/names.ts";
import type { Dependency, DependencySource, Signature, SignatureOptions } from "./canvas.ts";

/**
 * Dependencies as data. A dependency is a run that jobs share, so it takes only those options that such a run has.
 */
const OPTIONS: readonly string[] = ["queue", "priority", "timeout", "retry", "dedupe", "scope", "dependsOn"];
const KEYS: readonly string[] = ["task", "args", "kwargs", "options", "immutable"];

/** Reads the options of a signature. Passed in, because options hold dependencies in turn. */
type ReadOptions = (value: unknown, field: string) => SignatureOptions;

/** Returns dependencies by name, of unknown origin. Throws `invalid_canvas`, `too_many_dependencies`. */
export function readDependsOn(
  given: unknown,
  field: string,
  readOptions: ReadOptions,
): { readonly [name: string]: Dependency } {
  if (!isPlainObject(given)) throw invalid(field, "must be an object of signatures");
  const names = Object.keys(given);
  if (names.length > LIMITS.dependencies) throw tooManyDependencies(names.length, field);
  return Object.fromEntries(
    names.map((name) => {
      const at = jsonPointer([name], field);
      checkDependencyName(name, at);
      return [name, readDependency(given[name] as DependencySource, at, readOptions)];
    }),
  );
}
/** Returns a checked dependency: a signature in wire form, or as the builders make it. Throws `invalid_canvas`. */
export function readDependency(source: unknown, field: string, readOptions: ReadOptions): Dependency {
  const built =
    (typeof source === "object" && source !== null) || typeof source === "function"
      ? (source as { readonly canvas?: Signature }).canvas
      : undefined;
  if (built) return ofSignature(built, field, readOptions);
  if (!isPlainObject(source)) throw invalid(field, "must be a signature");
  for (const key of Object.keys(source))
    if (!KEYS.includes(key)) throw invalid(`${field}/${key}`, `is not a field of a dependency (${KEYS.join(", ")})`);
  const { task, args = [], kwargs = {}, options = {} } = source;
  if (nameProblem(task) !== undefined) throw invalid(`${field}/task`, "must be the name of a task");
  if (!Array.isArray(args)) throw invalid(`${field}/args`, "must be a list");
  if (!isPlainObject(kwargs)) throw invalid(`${field}/kwargs`, "must be an object");
  return dependencyOf(
    {
      task: task as string,
      args: toJson(args, `${field}/args`, { code: "invalid_canvas" }) as readonly Json[],
      kwargs: toJson(kwargs, `${field}/kwargs`, { code: "invalid_canvas" }) as JsonObject,
      options: readOptions(options, `${field}/options`),
    },
    field,
  );
}
function ofSignature(canvas: Signature, field: string, readOptions: ReadOptions): Dependency {
  if (canvas.kind !== "task" || canvas.each)
    throw invalid(field, "must be a signature of a task: a dependency is one run");
  if ((canvas.link?.length ?? 0) + (canvas.linkError?.length ?? 0) > 0)
    throw invalid(field, "has links: a run that jobs share calls none");
  const { task, args, kwargs, options } = canvas;
  return dependencyOf({ task, args, kwargs, options: readOptions(options, `${field}/options`) }, field);
}
function dependencyOf(
  { task, args, kwargs, options }: Pick<Signature, "task" | "args" | "kwargs" | "options">,
  field: string,
): Dependency {
  const refused = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (refused !== undefined)
    throw invalid(
      `${field}/options/${refused}`,
      `is not an option of a dependency, which is a run that jobs share (${OPTIONS.join(", ")})`,
    );
  if (options.dedupe === "none") throw invalid(`${field}/options/dedupe`, "cannot be none: a dependency is shared");
  return {
    task,
    ...(args.length > 0 && { args }),
    ...(Object.keys(kwargs).length > 0 && { kwargs }),
    ...(Object.keys(options).length > 0 && { options }),
  };
}
/** Throws `invalid_canvas` for what is not the name of a dependency. */
export function checkDependencyName(name: unknown, field: string): asserts name is string {
  const problem = nameProblem(name);
  if (problem !== undefined) throw invalid(field, `has a name that ${problem}`);
}
export function tooManyDependencies(count: number, field?: string): FanfoldError {
  return new FanfoldError(
    "too_many_dependencies",
    `a run has at most ${LIMITS.dependencies} dependencies, not ${count}: make a group of them, whose body is the step that needs them`,
    { details: { dependencies: count, limit: LIMITS.dependencies, ...(field !== undefined && { field }) } },
  );
}
function invalid(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_canvas", `${field || "the dependency"} ${problem}`, { details: { field } });
}

/** Returns the dependencies that options declare. Options were read, so all of them are data. */
export function dependenciesOf(
  options: Pick<SignatureOptions, "dependsOn"> | undefined,
): { readonly [name: string]: Dependency } | undefined {
  return options?.dependsOn as { readonly [name: string]: Dependency } | undefined;
}
