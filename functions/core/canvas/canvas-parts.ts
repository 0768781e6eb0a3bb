import { assertNever } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Canvas, Graph, GraphNode, Group, Repeat, Signature, SignatureOptions, When } from "./canvas.ts";

/** Arguments and options to merge into a canvas. */
export interface Partials {
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  readonly options?: SignatureOptions;
}
/**
 * Returns the canvas with `args` before its own, and with `kwargs` and `options` merged over its own. A chain passes
 * them to its first step, a group to every member, a chord to its header, a graph to the nodes without parents. Immutable
 * signatures take the options only.
 */
export function clone(canvas: Canvas, partials: Partials): Canvas {
  const { args = [], kwargs = {}, options = {} } = partials;
  if (args.length === 0 && Object.keys(kwargs).length === 0) return setOptions(canvas, options);
  return setOptions(withArguments(canvas, args, kwargs), options);
}
function withArguments(canvas: Canvas, args: readonly Json[], kwargs: JsonObject): Canvas {
  return mapFirstTasks(canvas, (task) =>
    task.immutable ? task : { ...task, args: [...args, ...task.args], kwargs: { ...task.kwargs, ...kwargs } },
  );
}
/** Changes the tasks that start first. A canvas of another kind starts with no task of its own, and stays as it is. */
function mapFirstTasks(canvas: Canvas, change: (task: Signature) => Signature): Canvas {
  const member = (each: Canvas): Canvas => mapFirstTasks(each, change);
  switch (canvas.kind) {
    case "task":
      return change(canvas);
    case "chain":
      return { ...canvas, items: canvas.items.map((item, index) => (index === 0 ? member(item) : item)) };
    case "group":
      return { ...canvas, members: canvas.members.map(member) };
    case "chord":
      return { ...canvas, header: member(canvas.header) as Group };
    case "graph":
      return withNodes(canvas, (node) => (node.parents.length === 0 ? member(node.do) : node.do));
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return canvas;
    default:
      return assertNever(canvas);
  }
}

/** Options that say when a canvas starts. Only the steps that start first can obey them. */
const TIMING = new Set<keyof SignatureOptions>(["countdown", "eta", "expires"]);
/**
 * Returns the canvas with these options merged over its own. Stamps of its own win over given ones. A group passes the
 * options to every member. A chain passes all options to its first step; later steps take, as defaults, those that do
 * not concern timing. A chord treats its body like a later step, and so does a graph a node with parents.
 */
export function setOptions(canvas: Canvas, options: SignatureOptions): Canvas {
  return isEmpty(options) ? canvas : setGiven(canvas, new GivenOptions(options));
}
function setGiven(canvas: Canvas, given: GivenOptions): Canvas {
  const first = (each: Canvas): Canvas => setGiven(each, given);
  const later = (each: Canvas): Canvas => setDefaults(each, given);
  switch (canvas.kind) {
    case "task":
    case "chunks":
      return { ...canvas, options: given.over(canvas.options) };
    case "group":
      return { ...canvas, members: canvas.members.map(first) };
    case "chain":
      return { ...canvas, items: canvas.items.map((item, index) => (index === 0 ? first(item) : later(item))) };
    case "chord":
      return { ...canvas, header: first(canvas.header) as Group, body: later(canvas.body) };
    case "when":
    case "repeat":
      return withParts(canvas, first);
    case "graph":
      return withNodes(canvas, (node) => (node.parents.length === 0 ? first(node.do) : later(node.do)));
    case "wait":
      return given.expires === undefined ? canvas : { ...canvas, expires: given.expires };
    default:
      return assertNever(canvas);
  }
}
function setDefaults(canvas: Canvas, given: GivenOptions): Canvas {
  const member = (each: Canvas): Canvas => setDefaults(each, given);
  switch (canvas.kind) {
    case "task":
    case "chunks":
      return { ...canvas, options: given.under(canvas.options) };
    case "group":
      return { ...canvas, members: canvas.members.map(member) };
    case "chain":
      return { ...canvas, items: canvas.items.map(member) };
    case "chord":
      return { ...canvas, header: member(canvas.header) as Group, body: member(canvas.body) };
    case "when":
    case "repeat":
      return withParts(canvas, member);
    case "graph":
      return withNodes(canvas, (node) => member(node.do));
    case "wait":
      return canvas;
    default:
      return assertNever(canvas);
  }
}

/**
 * Options that are given to many signatures. Those that had the same options before share the merged ones, because a
 * group may have a million members.
 */
class GivenOptions {
  readonly #given: SignatureOptions;
  readonly #untimed: SignatureOptions;
  readonly #over = new Map<SignatureOptions, SignatureOptions>();
  readonly #under = new Map<SignatureOptions, SignatureOptions>();

  constructor(given: SignatureOptions) {
    this.#given = given;
    const untimed = Object.entries(given).filter(([name]) => !TIMING.has(name as keyof SignatureOptions));
    this.#untimed = Object.fromEntries(untimed);
  }
  get expires(): number | undefined {
    return this.#given.expires;
  }
  /** Returns a signature's own options with these over them. Stamps of its own stay. */
  over(own: SignatureOptions): SignatureOptions {
    if (isEmpty(own)) return this.#given;
    return remembered(this.#over, own, () => {
      const { stamps, headers, ...options } = this.#given;
      return {
        ...own,
        ...options,
        ...((own.stamps ?? stamps) && { stamps: { ...stamps, ...own.stamps } }),
        ...((own.headers ?? headers) && { headers: { ...own.headers, ...headers } }),
      };
    });
  }
  /** Returns these options with a signature's own over them, for a step that starts later. */
  under(own: SignatureOptions): SignatureOptions {
    if (isEmpty(own)) return this.#untimed;
    return remembered(this.#under, own, () => ({ ...this.#untimed, ...own }));
  }
}
function remembered<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  return made;
}
function isEmpty(object: object): boolean {
  for (const _name in object) return false;
  return true;
}
/** Returns the signature with the given parts in place of its own. A composition takes the options only, merged. */
export function replaceParts(canvas: Canvas, { args, kwargs, options }: Partials): Canvas {
  if (canvas.kind !== "task") return options === undefined ? canvas : setOptions(canvas, options);
  return { ...canvas, ...(args && { args }), ...(kwargs && { kwargs }), ...(options && { options }) };
}
/**
 * Returns the canvas with `immutable` set. A group passes it to every member, a chord to its header. A chain passes it to
 * its first step, the only one that receives a value from outside.
 */
export function setImmutable(canvas: Canvas, immutable: boolean): Canvas {
  return mapFirstTasks(canvas, (task) => (task.each ? task : { ...task, immutable }));
}
/**
 * Returns the group with its members delayed one after the other: `start`, `start + step` .. seconds from now. Members
 * beyond `stop` start with the last member before it.
 */
export function skew(
  group: Group,
  { start = 1, stop, step = 1 }: { readonly start?: number; readonly stop?: number; readonly step?: number } = {},
): Group {
  let last = start;
  const members = group.members.map((member, index) => {
    const countdown = start + index * step;
    if (stop === undefined || countdown <= stop) last = countdown;
    return setOptions(member, { countdown: last });
  });
  return { ...group, members };
}
/** Returns the signature of one run that calls `task` for each item. */
export function eachOf(
  each: "map" | "starmap",
  task: string,
  items: readonly Json[],
  options: SignatureOptions = {},
): Signature {
  return { kind: "task", task, each, args: [items], kwargs: {}, options, immutable: true };
}

/** Returns the branch or loop with `part` applied to each canvas in it. */
export function withParts<Kind extends When | Repeat>(canvas: Kind, part: (canvas: Canvas) => Canvas): Kind {
  if (canvas.kind === "repeat") return { ...canvas, body: part(canvas.body) };
  return { ...canvas, do: part(canvas.do), ...(canvas.otherwise && { otherwise: part(canvas.otherwise) }) };
}
/** Returns the graph with `change` applied to each of its nodes. */
export function withNodes(graph: Graph, change: (node: GraphNode) => Canvas): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, do: change(node) })) };
}
