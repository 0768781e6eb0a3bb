import { parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import { defineTask } from "../../../functions/sdk/index.ts";
import type { EngineConfig } from "../../../functions/engine/config.ts";
import { LocalEngine, type LocalOptions } from "../local-engine.ts";

/** Names of the nodes that have begun or ended, in this order, as `+a` and `-a`. */
export const happened: string[] = [];
/** Nodes that fail until they are taken out. */
export const failing = new Set<string>();

/** Returns its name, and what it was given: `d(b(a),c(a))`. */
const node = defineTask({
  name: "node",
  run: (_ctx, ...given: unknown[]) => {
    const name = String(given.pop());
    happened.push(`+${name}`);
    if (failing.has(name)) throw new Error(`${name} has failed`);
    happened.push(`-${name}`);
    const [input] = given;
    const list = Array.isArray(input) ? input : input === undefined ? [] : [input];
    return list.length === 0 ? name : `${name}(${list.map(textOf).join()})`;
  },
});
/** Ends well, and spawns a node whose failure is not its own. */
const parent = defineTask({
  name: "parent",
  run: (ctx, ...given: unknown[]) => {
    const name = String(given.pop());
    ctx.spawn(node.s(`${name}-child`));
    return `${name}${ctx.round}`;
  },
});
function textOf(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(textOf).join()}]` : String(value);
}
/** Returns the list that it was given. */
const listed = defineTask({ name: "listed", run: (_ctx, given: unknown) => given ?? null });
const tasks = [node, listed, parent];

/** Returns the wire form of a graph of nodes, from `{ a: "", b: "a", d: "b c" }`. */
export function graphOf(shape: { readonly [name: string]: string }, more: object = {}) {
  return {
    graph: Object.entries(shape).map(([id, parents]) => ({
      id,
      do: { task: "node", args: [id] },
      parents: parents === "" ? [] : parents.split(" "),
    })),
    ...more,
  };
}
export const DIAMOND = { a: "", b: "a", c: "a", d: "b c" };

export async function started(
  wire: unknown,
  config: Partial<EngineConfig> = { width: 4 },
  options: LocalOptions = {},
): Promise<{ local: LocalEngine; jobId: string }> {
  happened.length = 0;
  const local = new LocalEngine(tasks, config, options);
  const { jobId } = await local.engine.submit({ canvas: parseCanvas(structuredClone(wire)) });
  return { local, jobId };
}
export async function ended(wire: unknown, config?: Partial<EngineConfig>) {
  const { local, jobId } = await started(wire, config);
  await local.untilQuiet();
  return { local, jobId, job: await local.engine.job(jobId) };
}
/** Returns the results of a job: values, or the reasons of failures. */
export async function resultsOf(local: LocalEngine, jobId: string): Promise<unknown[]> {
  const results: unknown[] = [];
  for await (const { value, error } of local.engine.results(jobId))
    results.push(error ? (error.reason ?? error.message) : value);
  return results;
}
