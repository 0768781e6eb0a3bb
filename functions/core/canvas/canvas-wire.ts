import { parentsOf } from "../dag/check-parents.ts";
import { type ErrorCode, FanfoldError } from "../errors.ts";
import { checkBytes, isPlainObject, jsonStringBytes, measureJson } from "../json-check.ts";
import { jsonPointer } from "../json-pointer.ts";
import type { Json, JsonObject } from "../json.ts";
import { LIMITS } from "../limits.ts";
import { nameProblem } from "../names/names.ts";
import { isQueuePart } from "../names/queue-name.ts";
import { chunkGroup, piped } from "./canvas-composition.ts";
import { type LinkRules, withLinks } from "./canvas-links.ts";
import { eachOf, setImmutable, setOptions } from "./canvas-parts.ts";
import { VERSION } from "./canvas-encode.ts";
import type { Canvas, Chord, Graph, GraphNode, Group, GroupOptions, Signature, SignatureOptions } from "./canvas.ts";
import {
  isGroupOption,
  readGraphOptions,
  readGroupOptions,
  readSignatureOptions,
  readWireOptions,
} from "./signature-options.ts";
import { readCondition, type ValueCondition } from "./value-condition.ts";

export { encodeCanvas } from "./canvas-encode.ts";
export { assertJson } from "../json-check.ts";

/**
 * The wire form of a canvas is one of
 * - `{task, args?, kwargs?}`
 * - `{chain: [..]}`, and `{pipe: [..]}`, which is read as what `a | b | c` makes of its items
 * - `{group: [..]}`
 * - `{chord: {header, body}}`, where the header is any node or the list of its members
 * - `{map: {task, it}}`, `{starmap: {task, it}}`
 * - `{when: {condition, do, otherwise?}}`, `{repeat: {body, until, most}}`
 * - `{approval: {name, expires?}}`, `{event: {name, expires?}}`
 * - `{graph: [{id, do, parents, site?}, ..]}`, where `do` is any node
 * - `{chunks: {task, it, n}}`, and `{chunks_group: ..}`, which is read as the group that it makes
 *
 * Every node may have `options`, `immutable`, `link` and `link_error`. The rules of canvas-parts.ts and canvas-links.ts
 * say which signatures inside the node receive them. The root may carry `v: 1`.
 */

// Shared, because a group of a million signatures would otherwise hold a million empty objects.
const NO_ARGS: readonly Json[] = Object.freeze([]);
const NO_KWARGS: JsonObject = Object.freeze({});
const NO_OPTIONS: SignatureOptions & GroupOptions = Object.freeze({});

/**
 * Reads a canvas of unknown origin. Arguments are checked but not copied, so the caller must not change the document
 * afterwards. `maxBytes` bounds the whole document (default: the limit of a request), even when objects are shared many
 * times.
 * @throws FanfoldError `invalid_canvas`, `invalid_queue_name`, `too_deep`, `too_many_children` or `payload_too_large`,
 *   with `details.field` as JSON pointer
 */
export function parseCanvas(json: unknown, options: { readonly maxBytes?: number } & LinkRules = {}): Canvas {
  const { maxBytes = LIMITS.canvasBytes, headerErrors = false } = options;
  const reader: Reader = { path: [], bytes: 0, nodes: 0, given: 0, maxBytes, rules: { headerErrors } };
  try {
    return readNode(reader, json);
  } catch (error) {
    if (error instanceof FanfoldError) throw error;
    // Getters and proxies of a foreign object may throw anything.
    const field = jsonPointer(reader.path);
    throw new FanfoldError("invalid_canvas", `${field || "the canvas"} cannot be read`, {
      details: { field },
      cause: error,
    });
  }
}

interface Reader {
  /** Place of the reader in the document. A pointer is built only for an error. */
  readonly path: (string | number)[];
  /** Bytes seen so far, without most punctuation: a lower bound of the size. */
  bytes: number;
  /** Nodes seen so far. */
  nodes: number;
  /** Nodes that were given options, links or `immutable` of a node around them, each as often as it was given some. */
  given: number;
  readonly maxBytes: number;
  readonly rules: LinkRules;
}
type Node = { readonly [key: string]: unknown };

function fail(reader: Reader, problem: string, key?: string | number, code: ErrorCode = "invalid_canvas"): never {
  const field = jsonPointer(key === undefined ? reader.path : [...reader.path, key]);
  throw new FanfoldError(code, `${field || "the canvas"} ${problem}`, { details: { field } });
}
function spend(reader: Reader, bytes: number): void {
  reader.bytes += bytes;
  if (reader.bytes > reader.maxBytes) checkBytes(reader.bytes, reader.maxBytes, "");
}
function within<T>(reader: Reader, key: string | number, read: () => T): T {
  reader.path.push(key);
  const result = read();
  reader.path.pop();
  return result;
}

function readNode(reader: Reader, json: unknown): Canvas {
  // Checked before anything below is read, so this limit also bounds the stack.
  if (reader.path.length > LIMITS.jsonDepth) {
    throw new FanfoldError(
      "too_deep",
      `the canvas is nested more than ${LIMITS.jsonDepth} levels deep, or contains itself`,
      {
        details: { field: "", maxDepth: LIMITS.jsonDepth },
      },
    );
  }
  if (!isPlainObject(json)) fail(reader, "must be an object such as {task}, {chain}, {group} or {chord}");
  spend(reader, 12);
  const kind = KINDS.find((each) => json[each] !== undefined);
  if (kind === undefined) {
    checkKeys(reader, json, []);
    return fail(reader, `must have one of the keys ${KINDS.join(", ")}`);
  }
  checkKeys(reader, json, kind === "task" ? SIGNATURE_KEYS : [kind, ...COMMON_KEYS]);
  const before = reader.nodes++;
  const bare = readKind[kind](reader, json);
  return readCommon(reader, json, bare, reader.nodes - before);
}
const KINDS = [
  "task",
  "group",
  "chain",
  "chord",
  "pipe",
  "map",
  "starmap",
  "chunks",
  "chunks_group",
  "when",
  "repeat",
  "approval",
  "event",
  "graph",
] as const;
const COMMON_KEYS = ["options", "immutable", "link", "link_error"];
const SIGNATURE_KEYS = ["task", "args", "kwargs", ...COMMON_KEYS];
const readKind: { readonly [Kind in (typeof KINDS)[number]]: (reader: Reader, node: Node) => Canvas } = {
  task: readSignature,
  group: (reader, node) => ({
    kind: "group",
    members: readItems(reader, "group", node["group"], LIMITS.groupMembers),
    options: NO_OPTIONS,
  }),
  chain: (reader, node) => ({ kind: "chain", items: readSequence(reader, node, "chain") }),
  chord: readChord,
  pipe: (reader, node) => piped(readSequence(reader, node, "pipe")),
  map: (reader, node) => readEach(reader, node, "map"),
  starmap: (reader, node) => readEach(reader, node, "starmap"),
  chunks: (reader, node) => readChunks(reader, node, "chunks"),
  chunks_group: (reader, node) =>
    chunkGroup(readChunks(reader, node, "chunks_group"), jsonPointer([...reader.path, "chunks_group"])),
  when: readWhen,
  repeat: readRepeat,
  approval: (reader, node) => readWait(reader, node, "approval"),
  event: (reader, node) => readWait(reader, node, "event"),
  graph: readGraph,
};

/** Reads the keys that every kind of node may have. `nodes` says how many are inside, the node included. */
function readCommon(reader: Reader, node: Node, bare: Canvas, nodes: number): Canvas {
  const { options, immutable, link, link_error: linkError } = node;
  if (options === undefined && immutable === undefined && link === undefined && linkError === undefined) return bare;
  reader.given += nodes;
  if (reader.given > LIMITS.givenNodes) {
    throw new FanfoldError(
      "too_many_children",
      `options and links of compositions are given to ${reader.given} signatures inside them, at most ${LIMITS.givenNodes} are allowed: give them on fewer levels`,
      { details: { field: jsonPointer(reader.path), given: reader.given, limit: LIMITS.givenNodes } },
    );
  }
  let canvas = options === undefined ? bare : readOptions(reader, options, bare);
  if (immutable !== undefined) {
    if (typeof immutable !== "boolean") fail(reader, "must be true or false", "immutable");
    canvas = setImmutable(canvas, immutable);
  }
  if (link === undefined && linkError === undefined) return canvas;
  return withLinks(canvas, readLinks(reader, node, "link"), readLinks(reader, node, "link_error"), reader.rules);
}
function readLinks(reader: Reader, node: Node, key: "link" | "link_error"): readonly Canvas[] {
  return node[key] === undefined ? [] : readItems(reader, key, node[key], LIMITS.links);
}
/** Reads options. Their names tell the options of a group or graph from options for what is in it. */
function readOptions(reader: Reader, options: unknown, canvas: Canvas): Canvas {
  const field = jsonPointer([...reader.path, "options"]);
  if ((canvas.kind !== "group" && canvas.kind !== "graph") || !isPlainObject(options))
    return setOptions(canvas, readWireOptions(options, field));
  const [own, memberOptions] = split(options, isGroupOption);
  const read = canvas.kind === "graph" ? readGraphOptions(own, field) : readGroupOptions(own, field);
  const given: Canvas = { ...canvas, options: { ...canvas.options, ...read } };
  return Object.keys(memberOptions).length === 0 ? given : setOptions(given, readWireOptions(memberOptions, field));
}
function split(object: Node, belongs: (key: string) => boolean): [Node, Node] {
  const entries = Object.entries(object);
  return [
    Object.fromEntries(entries.filter(([key]) => belongs(key))),
    Object.fromEntries(entries.filter(([key]) => !belongs(key))),
  ];
}

function checkKeys(reader: Reader, node: Node, allowed: readonly string[]): void {
  for (const key of Object.keys(node)) {
    if (allowed.includes(key)) continue;
    if (key === "v" && reader.path.length === 0) {
      if (node["v"] !== VERSION) fail(reader, `must be ${VERSION}, the only version of the wire form so far`, "v");
      continue;
    }
    fail(
      reader,
      allowed.length === 0 ? "is not a key of a canvas" : `is not a key here (only ${allowed.join(", ")})`,
      key,
    );
  }
}

function readSignature(reader: Reader, node: Node): Signature {
  const { args, kwargs } = node;
  const task = readTask(reader, node);
  if (args !== undefined && !Array.isArray(args)) fail(reader, "must be an array", "args");
  if (kwargs !== undefined && !isPlainObject(kwargs)) fail(reader, "must be an object", "kwargs");
  return {
    kind: "task",
    task,
    args: args === undefined || args.length === 0 ? NO_ARGS : (readValue(reader, args, "args") as readonly Json[]),
    kwargs: kwargs === undefined ? NO_KWARGS : (readValue(reader, kwargs, "kwargs") as JsonObject),
    options: NO_OPTIONS,
    immutable: false,
  };
}
function readTask(reader: Reader, { task }: Node): string {
  const problem = nameProblem(task);
  if (problem !== undefined) fail(reader, problem, "task");
  spend(reader, jsonStringBytes(task as string));
  return task as string;
}
/** Reads the object below the key of a node's kind, which may have these keys only. */
function readInside<T>(reader: Reader, node: Node, key: string, keys: readonly string[], read: (inside: Node) => T): T {
  return within(reader, key, () => {
    const inside = node[key];
    if (!isPlainObject(inside)) fail(reader, `must be an object {${keys.join(", ")}}`);
    checkKeys(reader, inside, keys);
    return read(inside);
  });
}
function readEach(reader: Reader, node: Node, key: "map" | "starmap"): Signature {
  return readInside(reader, node, key, ["task", "it"], (inside) => {
    const task = readTask(reader, inside);
    const items = readList(reader, inside);
    const odd = key === "starmap" ? items.findIndex((item) => !Array.isArray(item)) : -1;
    if (odd >= 0)
      within(reader, "it", () => fail(reader, "must be an array: starmap spreads each item over the arguments", odd));
    return eachOf(key, task, items, NO_OPTIONS);
  });
}
function readChunks(reader: Reader, node: Node, key: "chunks" | "chunks_group"): Extract<Canvas, { kind: "chunks" }> {
  return readInside(reader, node, key, ["task", "it", "n"], (inside) => {
    const size = inside["n"];
    if (!Number.isSafeInteger(size) || (size as number) < 1) fail(reader, "must be a whole number from 1", "n");
    const task = readTask(reader, inside);
    const items = readList(reader, inside);
    const odd = items.findIndex((item) => !Array.isArray(item));
    if (odd >= 0)
      within(reader, "it", () => fail(reader, "must be an array: chunks spread each item over the arguments", odd));
    return { kind: "chunks", task, items, size: size as number, options: NO_OPTIONS };
  });
}
function readList(reader: Reader, node: Node): readonly Json[] {
  if (!Array.isArray(node["it"])) fail(reader, "must be an array", "it");
  return readValue(reader, node["it"], "it") as readonly Json[];
}

function readValue(reader: Reader, value: unknown, key: string): Json {
  const maxBytes = Math.min(LIMITS.valueBytes, reader.maxBytes - reader.bytes);
  // A canvas of 100,000 signatures has 100,000 argument lists, so the pointer is built only for an error.
  spend(
    reader,
    measureJson(value, () => jsonPointer([...reader.path, key]), { code: "invalid_canvas", maxBytes }),
  );
  return value as Json;
}

function readItems(reader: Reader, key: string, items: unknown, most: number): Canvas[] {
  if (!Array.isArray(items)) fail(reader, "must be an array of canvases", key);
  if (items.length > most)
    fail(reader, `has ${items.length} items; at most ${most} are allowed`, key, "too_many_children");
  const read: Canvas[] = [];
  reader.path.push(key, 0);
  const last = reader.path.length - 1;
  for (let index = 0; index < items.length; index++) {
    reader.path[last] = index;
    read.push(readNode(reader, items[index]));
  }
  reader.path.length -= 2;
  return read;
}

function readSequence(reader: Reader, node: Node, key: "chain" | "pipe"): readonly Canvas[] {
  const items = readItems(reader, key, node[key], LIMITS.strandSteps);
  if (items.length === 0) fail(reader, "must not be empty", key);
  return items;
}

function readChord(reader: Reader, node: Node): Chord {
  return readInside(reader, node, "chord", ["header", "body"], (chord) => {
    if (chord["body"] === undefined || chord["body"] === null)
      fail(reader, "is missing: a chord needs a canvas that receives the results", "body");
    const header = readHeader(reader, chord["header"]);
    return { kind: "chord", header, body: within(reader, "body", () => readNode(reader, chord["body"])) };
  });
}
/** Reads the header of a chord. A canvas that is no group becomes the header's only member. */
function readHeader(reader: Reader, header: unknown): Group {
  if (Array.isArray(header))
    return { kind: "group", members: readItems(reader, "header", header, LIMITS.groupMembers), options: NO_OPTIONS };
  const canvas = within(reader, "header", () => readNode(reader, header));
  if (canvas.kind === "chunks") return chunkGroup(canvas, jsonPointer([...reader.path, "header", "chunks"]));
  return canvas.kind === "group" ? canvas : { kind: "group", members: [canvas], options: NO_OPTIONS };
}

function readPart(reader: Reader, node: Node, key: string): Canvas {
  return within(reader, key, () => readNode(reader, node[key]));
}
function conditionIn(reader: Reader, node: Node, key: string): ValueCondition {
  return readCondition(node[key], jsonPointer([...reader.path, key]));
}
function readWhen(reader: Reader, node: Node): Canvas {
  return readInside(reader, node, "when", ["condition", "do", "otherwise"], (inside) => ({
    kind: "when",
    condition: conditionIn(reader, inside, "condition"),
    do: readPart(reader, inside, "do"),
    ...(inside["otherwise"] !== undefined && { otherwise: readPart(reader, inside, "otherwise") }),
  }));
}
function readRepeat(reader: Reader, node: Node): Canvas {
  return readInside(reader, node, "repeat", ["body", "until", "most"], (inside) => {
    const { most } = inside;
    if (!Number.isSafeInteger(most) || (most as number) < 1 || (most as number) > LIMITS.strandSteps) {
      fail(reader, `must be a whole number from 1 to ${LIMITS.strandSteps}`, "most");
    }
    return {
      kind: "repeat",
      body: readPart(reader, inside, "body"),
      until: conditionIn(reader, inside, "until"),
      most: most as number,
    };
  });
}
function readWait(reader: Reader, node: Node, of: "approval" | "event"): Canvas {
  return readInside(reader, node, of, ["name", "expires"], (inside) => {
    const problem = nameProblem(inside["name"]);
    if (problem !== undefined) fail(reader, problem, "name");
    const expires =
      inside["expires"] === undefined
        ? undefined
        : readSignatureOptions({ expires: inside["expires"] }, jsonPointer(reader.path)).expires;
    return { kind: "wait", of, name: inside["name"] as string, ...(expires !== undefined && { expires }) };
  });
}
function readGraph(reader: Reader, node: Node): Graph {
  const given = node["graph"];
  if (!Array.isArray(given) || given.length === 0) fail(reader, "must be a list of nodes {id, do, parents}", "graph");
  return within(reader, "graph", () => {
    const nodes = given.map((each: unknown, index) => within(reader, index, () => readGraphNode(reader, each)));
    parentsOf(nodes, reader.path);
    return {
      kind: "graph",
      nodes: nodes.map(({ parents = [], ...rest }) => ({ ...rest, parents })),
      options: NO_OPTIONS,
    };
  });
}
type ReadGraphNode = Pick<GraphNode, "id" | "do" | "site"> & Partial<Pick<GraphNode, "parents">>;
function readGraphNode(reader: Reader, json: unknown): ReadGraphNode {
  if (!isPlainObject(json)) fail(reader, "must be an object {id, do, parents}");
  checkKeys(reader, json, ["id", "do", "parents", "site"]);
  const { id, parents, site } = json;
  const problem = nameProblem(id);
  if (problem !== undefined) fail(reader, problem, "id");
  if (parents !== undefined && !(Array.isArray(parents) && parents.every((name) => typeof name === "string")))
    fail(reader, "must be a list of ids of nodes", "parents");
  if (site !== undefined && (typeof site !== "string" || !isQueuePart(site)))
    fail(reader, "must be the name of a site", "site");
  spend(
    reader,
    jsonStringBytes(id as string) +
      ((parents as string[] | undefined) ?? []).reduce((sum, name) => sum + jsonStringBytes(name) + 1, 0),
  );
  return {
    id: id as string,
    do: readPart(reader, json, "do"),
    ...(parents !== undefined && { parents: parents as readonly string[] }),
    ...(site !== undefined && { site: site as string }),
  };
}
