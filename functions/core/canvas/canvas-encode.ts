import { assertNever, FanfoldError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { LIMITS } from "../limits.ts";
import type { Canvas, Chunks, Group, Links, Signature, SignatureOptions } from "./canvas.ts";

/** Version of the wire form, which canvas-wire.ts describes. */
export const VERSION = 1;

/**
 * Returns the wire form of a canvas, without fields that have their default.
 * @throws FanfoldError `too_deep`
 */
export function encodeCanvas(canvas: Canvas): Json {
  return { v: VERSION, ...encodeNode(canvas, 0) };
}

/** Encodes one node. `depth` is the number of JSON levels above it, counted as the reader counts them. */
function encodeNode(canvas: Canvas, depth: number): JsonObject {
  if (depth > LIMITS.jsonDepth) {
    throw new FanfoldError("too_deep", `the canvas is nested more than ${LIMITS.jsonDepth} levels deep`, {
      details: { field: "" },
    });
  }
  switch (canvas.kind) {
    case "task":
      return { ...encodeSignature(canvas), ...encodeLinks(canvas, depth) };
    case "chain":
      return { chain: canvas.items.map((item) => encodeNode(item, depth + 2)), ...encodeLinks(canvas, depth) };
    case "group":
      return encodeGroup(canvas, depth);
    case "chord": {
      // A header without options is written as the bare list, which is one level less.
      const plain = !hasKeys(canvas.header.options);
      const header = encodeNode(canvas.header, depth + (plain ? 1 : 2));
      return {
        chord: { header: plain ? (header["group"] as Json) : header, body: encodeNode(canvas.body, depth + 2) },
      };
    }
    case "chunks":
      return { ...encodeChunks(canvas), ...encodeLinks(canvas, depth) };
    case "when": {
      const { condition, otherwise } = canvas;
      const ways = {
        do: encodeNode(canvas.do, depth + 2),
        ...(otherwise && { otherwise: encodeNode(otherwise, depth + 2) }),
      };
      return { when: { condition: condition as Json, ...ways }, ...encodeLinks(canvas, depth) };
    }
    case "repeat":
      return {
        repeat: { body: encodeNode(canvas.body, depth + 2), until: canvas.until as Json, most: canvas.most },
        ...encodeLinks(canvas, depth),
      };
    case "graph":
      return {
        graph: canvas.nodes.map(({ id, parents, site, do: node }) => ({
          id,
          do: encodeNode(node, depth + 3),
          parents,
          ...(site !== undefined && { site }),
        })),
        ...(hasKeys(canvas.options) && { options: canvas.options as JsonObject }),
        ...encodeLinks(canvas, depth),
      };
    case "wait":
      return {
        [canvas.of]: { name: canvas.name, ...(canvas.expires !== undefined && { expires: canvas.expires }) },
        ...encodeLinks(canvas, depth),
      };
    default:
      return assertNever(canvas);
  }
}
function encodeSignature({ task, args, kwargs, options, immutable, each }: Signature): JsonObject {
  const common = {
    ...(hasKeys(kwargs) && { kwargs }),
    ...encodeOptions(options),
    ...(immutable && { immutable: true }),
  };
  return each
    ? { [each]: { task, it: args[0] ?? [] }, ...common }
    : { task, ...(args.length > 0 && { args }), ...common };
}
function encodeGroup(group: Group, depth: number): JsonObject {
  return {
    group: group.members.map((member) => encodeNode(member, depth + 2)),
    ...(hasKeys(group.options) && { options: group.options as JsonObject }),
  };
}
function encodeChunks({ task, items, size, options }: Chunks): JsonObject {
  return { chunks: { task, it: items, n: size }, ...encodeOptions(options) };
}
function encodeLinks({ link = [], linkError = [] }: Links, depth: number): JsonObject {
  return {
    ...(link.length > 0 && { link: link.map((each) => encodeNode(each, depth + 2)) }),
    ...(linkError.length > 0 && { link_error: linkError.map((each) => encodeNode(each, depth + 2)) }),
  };
}
/** Encodes options. Stamps and headers are siblings of the options, and `stamped_headers` names the stamps. */
function encodeOptions(options: SignatureOptions): JsonObject {
  if (!hasKeys(options)) return {};
  const { stamps, headers, ...known } = options;
  const stamped = stamps || headers ? { ...headers, ...stamps, stamped_headers: Object.keys(stamps ?? {}).sort() } : {};
  return { options: { ...(known as JsonObject), ...stamped } };
}

function hasKeys(object: object): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return true;
  return false;
}
