import type { Canvas, Group, GroupOptions, Signature, SignatureOptions } from "./canvas.ts";
import { assertNever, FanfoldError, type ErrorCode } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import { checkBytes, isPlainObject, jsonStringBytes, measureJson } from "./json-check.ts";
import { jsonPointer } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";
import { nameProblem } from "./names.ts";
import { readGroupOptions, readSignatureOptions } from "./signature-options.ts";

export { assertJson } from "./json-check.ts";

/**
 * The wire form of a canvas: `{task, args?, kwargs?, options?, immutable?}`, `{chain: [..]}`, `{group: [..], options?}` and
 * `{chord: {header, body}}`, whose header is a group node or the list of its members. The root may carry `v: 1`.
 */
const VERSION = 1;
/** Words of the notation that this release does not run. Refused by name: dropping one would lose somebody's callback. */
const LATER = new Set(["link", "link_error", "stamps", "map", "starmap", "chunks", "chunks_group", "pipe"]);
// Shared, because a group of a million signatures would otherwise carry a million empty objects.
const NO_ARGS: readonly Json[] = Object.freeze([]);
const NO_KWARGS: JsonObject = Object.freeze({});
const NO_OPTIONS: SignatureOptions & GroupOptions = Object.freeze({});

/**
 * Reads a canvas of unknown origin. Throws `invalid_canvas`, `invalid_queue_name`, `too_deep`, `too_many_children` or `payload_too_large`, with
 * `details.field` as JSON pointer. Arguments are checked, not copied: the caller gives up the document.
 * `maxBytes` bounds the whole document; without it a request's limit applies, even to objects shared many times over.
 */
export function parseCanvas(json: unknown, options: { readonly maxBytes?: number } = {}): Canvas {
  const reader: Reader = { path: [], bytes: 0, maxBytes: options.maxBytes ?? LIMITS.canvasBytes };
  try {
    return readNode(reader, json);
  } catch (error) {
    if (error instanceof FanfoldError) throw error;
    // Getters and proxies of a foreign object may throw anything.
    const field = jsonPointer(reader.path);
    throw new FanfoldError("invalid_canvas", `${field || "the canvas"} cannot be read`, { details: { field }, cause: error });
  }
}

interface Reader {
  /** Where in the document the reader is; a pointer is only built for an error. */
  readonly path: (string | number)[];
  /** Bytes seen so far, without most punctuation: a bound, not a measure. */
  bytes: number;
  readonly maxBytes: number;
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
  // Levels of the JSON document. Checked before anything below is touched, so it also bounds the stack.
  if (reader.path.length > LIMITS.jsonDepth) {
    throw new FanfoldError("too_deep", `the canvas is nested more than ${LIMITS.jsonDepth} levels deep, or contains itself`, {
      details: { field: "", maxDepth: LIMITS.jsonDepth },
    });
  }
  if (!isPlainObject(json)) fail(reader, "must be an object such as {task}, {chain}, {group} or {chord}");
  spend(reader, 12);
  if (json["task"] !== undefined) return readSignature(reader, json);
  if (json["group"] !== undefined) return readGroup(reader, json);
  if (json["chain"] !== undefined) return readChain(reader, json);
  if (json["chord"] !== undefined) return readChord(reader, json);
  checkKeys(reader, json, []);
  return fail(reader, "must have one of the keys task, chain, group, chord");
}

function checkKeys(reader: Reader, node: Node, allowed: readonly string[]): void {
  for (const key of Object.keys(node)) {
    if (allowed.includes(key)) continue;
    if (key === "v" && reader.path.length === 0) {
      if (node["v"] !== VERSION) fail(reader, `must be ${VERSION}, the only version of the wire form so far`, "v");
      continue;
    }
    if (LATER.has(key)) fail(reader, `is not supported by this release`, key);
    fail(reader, allowed.length === 0 ? "is not a key of a canvas" : `is not a key here (only ${allowed.join(", ")})`, key);
  }
}

const SIGNATURE_KEYS = ["task", "args", "kwargs", "options", "immutable"];
function readSignature(reader: Reader, node: Node): Signature {
  checkKeys(reader, node, SIGNATURE_KEYS);
  const { task, args, kwargs, options, immutable } = node;
  const problem = nameProblem(task);
  if (problem !== undefined) fail(reader, problem, "task");
  spend(reader, jsonStringBytes(task as string));
  if (immutable !== undefined && typeof immutable !== "boolean") fail(reader, "must be true or false", "immutable");
  if (args !== undefined && !Array.isArray(args)) fail(reader, "must be an array", "args");
  if (kwargs !== undefined && !isPlainObject(kwargs)) fail(reader, "must be an object", "kwargs");
  return {
    kind: "task",
    task: task as string,
    args: args === undefined || args.length === 0 ? NO_ARGS : (readValue(reader, args, "args") as readonly Json[]),
    kwargs: kwargs === undefined ? NO_KWARGS : (readValue(reader, kwargs, "kwargs") as JsonObject),
    options: options === undefined ? NO_OPTIONS : readSignatureOptions(options, jsonPointer([...reader.path, "options"])),
    immutable: immutable ?? false,
  };
}

function readValue(reader: Reader, value: unknown, key: string): Json {
  const maxBytes = Math.min(LIMITS.valueBytes, reader.maxBytes - reader.bytes);
  // A canvas of 100,000 signatures has 100,000 argument lists: their pointers are built only for an error.
  spend(
    reader,
    measureJson(value, () => jsonPointer([...reader.path, key]), { code: "invalid_canvas", maxBytes }),
  );
  return value as Json;
}

function readItems(reader: Reader, key: string, items: unknown, most: number): Canvas[] {
  if (!Array.isArray(items)) fail(reader, "must be an array of canvases", key);
  if (items.length > most) fail(reader, `has ${items.length} items; at most ${most} are allowed`, key, "too_many_children");
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

function readChain(reader: Reader, node: Node): Canvas {
  checkKeys(reader, node, ["chain"]);
  const items = readItems(reader, "chain", node["chain"], LIMITS.strandSteps);
  if (items.length === 0) fail(reader, "must not be empty", "chain");
  return { kind: "chain", items };
}

function readGroup(reader: Reader, node: Node): Group {
  checkKeys(reader, node, ["group", "options"]);
  const members = readItems(reader, "group", node["group"], LIMITS.groupMembers);
  const options = node["options"];
  return { kind: "group", members, options: options === undefined ? NO_OPTIONS : readGroupOptions(options, jsonPointer([...reader.path, "options"])) };
}

function readChord(reader: Reader, node: Node): Canvas {
  checkKeys(reader, node, ["chord"]);
  return within(reader, "chord", () => {
    const chord = node["chord"];
    if (!isPlainObject(chord)) fail(reader, "must be an object {header, body}");
    checkKeys(reader, chord, ["header", "body"]);
    if (chord["body"] === undefined || chord["body"] === null) fail(reader, "is missing: a chord needs a canvas that receives the results", "body");
    const header = readHeader(reader, chord["header"]);
    return { kind: "chord", header, body: within(reader, "body", () => readNode(reader, chord["body"])) };
  });
}

function readHeader(reader: Reader, header: unknown): Group {
  if (Array.isArray(header)) return { kind: "group", members: readItems(reader, "header", header, LIMITS.groupMembers), options: NO_OPTIONS };
  if (!isPlainObject(header) || header["group"] === undefined) fail(reader, "must be a group or an array of canvases", "header");
  return within(reader, "header", () => readNode(reader, header)) as Group;
}

/** The wire form of a canvas; what is at its default is left out. Throws `too_deep`. */
export function encodeCanvas(canvas: Canvas): Json {
  return { v: VERSION, ...encodeNode(canvas, 0) };
}

/** `depth`: levels of the JSON document above this node, counted as the reader counts them. */
function encodeNode(canvas: Canvas, depth: number): JsonObject {
  if (depth > LIMITS.jsonDepth) {
    throw new FanfoldError("too_deep", `the canvas is nested more than ${LIMITS.jsonDepth} levels deep`, { details: { field: "" } });
  }
  switch (canvas.kind) {
    case "task":
      return {
        task: canvas.task,
        ...(canvas.args.length > 0 && { args: canvas.args }),
        ...(hasKeys(canvas.kwargs) && { kwargs: canvas.kwargs }),
        ...(hasKeys(canvas.options) && { options: canvas.options as JsonObject }),
        ...(canvas.immutable && { immutable: true }),
      };
    case "chain":
      return { chain: canvas.items.map((item) => encodeNode(item, depth + 2)) };
    case "group":
      return {
        group: canvas.members.map((member) => encodeNode(member, depth + 2)),
        ...(hasKeys(canvas.options) && { options: canvas.options as JsonObject }),
      };
    case "chord": {
      // A header without options is written as the bare list, one level less.
      const plain = !hasKeys(canvas.header.options);
      const header = encodeNode(canvas.header, depth + (plain ? 1 : 2));
      return { chord: { header: plain ? (header["group"] as Json) : header, body: encodeNode(canvas.body, depth + 2) } };
    }
    default:
      return assertNever(canvas);
  }
}

function hasKeys(object: object): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return true;
  return false;
}
