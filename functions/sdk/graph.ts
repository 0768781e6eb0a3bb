import { encodeCanvas } from "../core/canvas/canvas-encode.ts";
import { eachOf } from "../core/canvas/canvas-parts.ts";
import type { Canvas, Graph as GraphCanvas, GraphNode, GraphOptions, SignatureOptions } from "../core/canvas/canvas.ts";
import { readGraphOptions } from "../core/canvas/signature-options.ts";
import { parentsOf } from "../core/dag/check-parents.ts";
import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { Json } from "../core/json.ts";
import { nameProblem } from "../core/names/names.ts";
import { isQueuePart } from "../core/names/queue-name.ts";
import type { AnyTask } from "./any-task.ts";
import { canvasOf } from "./builder-methods.ts";
import type { CanvasBuilder, CanvasSource } from "./builder-types.ts";
import { signature } from "./named-signature.ts";
import { type SubmitCall, submitCanvas, type SubmittedJob } from "./submitter.ts";

/** A node of a graph, as `addTask` returns it. */
export interface GraphTask {
  /** Names the node where others name it as their parent. Unique in the process, unless it was given. */
  readonly id: string;
}
/** Where a node stands in its graph. */
export interface NodePlace {
  /**
   * The nodes that it follows, or their ids. It starts once all of them have ended well. Only the first node of a graph
   * may leave this out; any other one that follows nothing gives `[]`.
   */
  readonly parents?: readonly (GraphTask | string)[];
  /** The site where it runs, on the queue that its task has elsewhere. Default: as the queue of the task says. */
  readonly site?: string;
  /** Names the node in errors and in the wire form. Default: made of the name of its task. */
  readonly id?: string;
}
/** A task as a node: its place, and the parts of its signature. */
export interface NodeTask extends NodePlace {
  readonly args?: readonly unknown[];
  readonly kwargs?: { readonly [name: string]: unknown };
  readonly options?: SignatureOptions;
}

/** Numbers the nodes of all graphs of this process, so that an id of another graph is never one of this. */
let made = 0;
const MADE = /@(\d+)$/;

/**
 * A graph of tasks without cycles, built node by node. It is a canvas: it can be submitted, be a step of a chain, be
 * spawned by a task, or be the template of a sub-DAG.
 *
 * A node receives the value of the node that it follows, or the list of the values of several in the order of
 * `parents`. Path tasks are handed their items in this order. A node below a failed one is cancelled. The result of a
 * graph is the list of the results of the nodes that none follows.
 * @example
 * const graph = new Graph();
 * const list = graph.addTask("list", { kwargs: { folder } });
 * const a = graph.addTask("check", { parents: [list], site: "london" });
 * const b = graph.addTask("check", { parents: [list], site: "paris" });
 * graph.addTask("compare", { parents: [a, b] });
 */
export class Graph implements CanvasBuilder<unknown[]> {
  readonly #options: GraphOptions;
  readonly #nodes: (GraphNode & { readonly stored: string })[] = [];

  /**
   * @param options `policy`: when the graph has failed (default `allSuccess`, which waits for all nodes). `ttlSeconds`:
   *   how long it can be read after its end.
   * @throws FanfoldError `invalid_canvas`
   */
  constructor(options: GraphOptions = {}) {
    this.#options = readGraphOptions(options, "/options");
  }

  /**
   * Adds a task, by itself or by its name, and returns its node. A name is looked up when the graph is submitted.
   * @throws FanfoldError `parents_missing`, `parent_unknown`, `parent_duplicate`, `parent_foreign`, `invalid_canvas`,
   *   `too_many_children`
   * @example graph.addTask("dynamo.tasks.reverse_stub", { parents: [xattr.id], kwargs: { hydrate: true }, site: "london" });
   */
  addTask(task: AnyTask | string, { args, kwargs, options, ...place }: NodeTask = {}): GraphTask {
    const name = typeof task === "string" ? task : task.name;
    const parts = { ...(args && { args }), ...(kwargs && { kwargs }), ...(options && { options }) };
    return this.#add(signature(name, parts).canvas, name, place);
  }
  /**
   * Adds one run that calls a task for each item. Its value is the list of the values.
   * @throws FanfoldError as `addTask`
   */
  addMap(task: AnyTask | string, items: readonly unknown[], place: NodePlace = {}): GraphTask {
    const name = typeof task === "string" ? task : task.name;
    const list = toJson(items, "/items", { code: "invalid_canvas" }) as readonly Json[];
    return this.#add(eachOf("map", name, list), name, place);
  }
  /**
   * Adds any canvas as a node. One that follows several nodes must begin with a task, which the compiler of the plan
   * checks.
   * @throws FanfoldError as `addTask`
   */
  add(source: CanvasSource, place: NodePlace = {}): GraphTask {
    const canvas = canvasOf(source);
    return this.#add(canvas, canvas.kind === "task" ? canvas.task : canvas.kind, place);
  }

  get canvas(): GraphCanvas {
    if (this.#nodes.length === 0) throw invalid("/graph", "must have at least one node");
    // Ids that were made are numbered by their graph, so that equal graphs are equal.
    const ids = new Map(this.#nodes.map(({ id, stored }) => [id, stored]));
    const nodes = this.#nodes.map(({ stored, do: canvas, parents, site }) => ({
      id: stored,
      do: canvas,
      parents: parents.map((parent) => ids.get(parent) as string),
      ...(site !== undefined && { site }),
    }));
    return { kind: "graph", nodes, options: this.#options };
  }
  submit(call?: SubmitCall): Promise<SubmittedJob> {
    return submitCanvas(this.canvas, call);
  }
  toJSON(): Json {
    return encodeCanvas(this.canvas);
  }
  /** Returns the wire form, as a `template` of `submitSubdag`. The same as `toJSON`. */
  toDict(): Json {
    return this.toJSON();
  }

  #add(canvas: Canvas, name: string, { parents, site, id, ...others }: NodePlace): GraphTask {
    const k = this.#nodes.length;
    for (const unknown of Object.keys(others)) throw invalid(`/graph/${k}/${unknown}`, "is not known of a node");
    if (parents !== undefined && !Array.isArray(parents))
      throw invalid(`/graph/${k}/parents`, "must be a list of nodes or their ids");
    const problem = id === undefined ? undefined : nameProblem(id);
    if (problem !== undefined) throw invalid(`/graph/${k}/id`, problem);
    if (site !== undefined && !(typeof site === "string" && isQueuePart(site)))
      throw invalid(`/graph/${k}/site`, "must be the name of a site");
    const own = id ?? `${name.slice(0, LONGEST)}@${++made}`;
    const follows = parents?.map((parent, at) => idOf(parent, `/graph/${k}/parents/${at}`));
    for (const [at, parent] of (follows ?? []).entries()) this.#refuseForeign(parent, own, `/graph/${k}/parents/${at}`);
    const node = {
      id: own,
      stored: id ?? `${name.slice(0, LONGEST)}@${k}`,
      do: canvas,
      ...(site !== undefined && { site }),
    };
    parentsOf([...this.#nodes, { ...node, parents: follows }], ["graph"]);
    this.#nodes.push({ ...node, parents: follows ?? [] });
    return Object.freeze({ id: own });
  }
  /** An id that this process has made, and that is none of this graph, is one of another graph. */
  #refuseForeign(parent: string, node: string, field: string): void {
    const number = Number(MADE.exec(parent)?.[1] ?? Number.NaN);
    if (!(number <= made) || this.#nodes.some(({ id }) => id === parent)) return;
    throw new FanfoldError("parent_foreign", `node ${node} follows ${parent}, which is a node of another graph`, {
      details: { field },
    });
  }
}
/** Returns the id of a parent. What is no node is refused here, because a forgotten variable would be no edge. */
function idOf(parent: GraphTask | string | undefined, field: string): string {
  const id = typeof parent === "string" ? parent : parent?.id;
  if (typeof id !== "string") throw invalid(field, "must be a node or its id");
  return id;
}
/** Characters of the name of a task in the id of its node. */
const LONGEST = 180;

/**
 * Adds a task to a graph, as its method `addTask` does.
 * @throws FanfoldError as `Graph.addTask`
 */
export function addTask(graph: Graph, task: AnyTask | string, node: NodeTask = {}): GraphTask {
  return graph.addTask(task, node);
}
/**
 * Returns a graph of one task, as the template of a sub-DAG.
 * @throws FanfoldError `invalid_canvas`
 * @example taskTemplate("dynamo.tasks.reverse_stub", { kwargs: { hydrate: false }, site: destSite });
 */
export function taskTemplate(task: AnyTask | string, node: Pick<NodeTask, "kwargs" | "site"> = {}): Graph {
  const graph = new Graph();
  graph.addTask(task, node);
  return graph;
}
function invalid(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_canvas", `${field} ${problem}`, { details: { field } });
}
