import { chunkGroup, pipe } from "../../functions/core/canvas/canvas-composition.ts";
import { type LinkRules, withLink, withLinkError } from "../../functions/core/canvas/canvas-links.ts";
import {
  clone,
  type Partials,
  replaceParts,
  setImmutable,
  setOptions,
  skew,
} from "../../functions/core/canvas/canvas-parts.ts";
import { type Marks, stamp, type StampVisitor } from "../../functions/core/canvas/canvas-stamp.ts";
import { encodeCanvas, parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import type { Canvas, SignatureOptions } from "../../functions/core/canvas/canvas.ts";
import { readWireOptions } from "../../functions/core/canvas/signature-options.ts";
import type { Json, JsonObject } from "../../functions/core/json.ts";
import type { Case } from "./cases.ts";

/** The canvas after the `ops` of a case. */
export interface Edited {
  readonly canvas: Canvas;
  readonly original: Canvas;
  /** The hooks of visitors that were called, in order. */
  readonly hooks: readonly string[];
}

export function edit({ given, config }: Case): Edited {
  const rules: LinkRules = { headerErrors: config?.task_allow_error_cb_on_chord_header ?? false };
  const read = (node: unknown): Canvas => parseCanvas(structuredClone(node), rules);
  const original = read(given.canvas);
  const hooks: string[] = [];
  let canvas = original;
  for (const [name, argument] of given.ops ?? []) {
    const operation = OPERATIONS[name as string];
    if (operation === undefined) throw new Error(`the notation has no operation ${String(name)}`);
    canvas = operation(canvas, argument as never, { read, rules, hooks });
  }
  return { canvas, original, hooks };
}

interface Tools {
  readonly read: (node: unknown) => Canvas;
  readonly rules: LinkRules;
  readonly hooks: string[];
}
interface WirePartials {
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  readonly options?: JsonObject;
}
export function partialsOf({ options, ...given }: WirePartials): Partials {
  return { ...given, ...(options && { options: readOptions(options) }) };
}
/** Returns options in which unknown names are headers. */
function readOptions(options: JsonObject): SignatureOptions {
  const { stamps = {}, ...read } = readWireOptions({ stamped_headers: [], ...options }, "/options");
  return { ...read, ...(Object.keys(stamps).length > 0 && { stamps }) };
}

const OPERATIONS: { readonly [name: string]: (canvas: Canvas, argument: never, tools: Tools) => Canvas } = {
  clone: (canvas, partials: WirePartials) => clone(canvas, partialsOf(partials ?? {})),
  set: (canvas, options: JsonObject) => setOptions(canvas, readOptions(options)),
  replace: (canvas, partials: WirePartials) => replaceParts(canvas, partialsOf(partials)),
  link: (canvas, node: Json, { read }) => withLink(canvas, read(node)),
  link_error: (canvas, node: Json, { read, rules }) => withLinkError(canvas, read(node), rules),
  on_error: (canvas, node: Json, { read, rules }) => withLinkError(canvas, read(node), rules),
  or: (canvas, node: Json, { read }) => pipe(canvas, read(node)),
  skew: (canvas, range: { readonly start?: number; readonly stop?: number; readonly step?: number }) => {
    if (canvas.kind !== "group") throw new TypeError(`skew is for groups, not for a ${canvas.kind}`);
    return skew(canvas, range);
  },
  set_immutable: (canvas, immutable: boolean) => setImmutable(canvas, immutable),
  roundtrip: (canvas, _none: never, { read }) => read(JSON.parse(JSON.stringify(encodeCanvas(canvas)))),
  stamp: (canvas, { append_stamps: append = false, ...marks }: JsonObject & { readonly append_stamps?: boolean }) =>
    stamp(canvas, marks, {}, { append }),
  stamp_visitor: (
    canvas,
    { hooks: says, append = false }: { readonly hooks: { readonly [hook: string]: Marks }; readonly append?: boolean },
    { hooks },
  ) => stamp(canvas, {}, visitorOf(says, hooks), { append }),
  group: (canvas) => (canvas.kind === "chunks" ? chunkGroup(canvas) : canvas),
};

/**
 * Returns a visitor that answers as the case says, and records every call. A chord's header counts as a group unless
 * the case says otherwise.
 */
function visitorOf(says: { readonly [hook: string]: Marks }, asked: string[]): StampVisitor {
  const ask = (hook: string, of = ""): Marks | undefined => {
    asked.push(`${hook}${of}`);
    return says[hook];
  };
  return {
    onSignature: (signature) => ask("on_signature", `:${nameOf(signature)}`),
    onGroupStart: () => ask("on_group_start"),
    onGroupEnd: () => void ask("on_group_end"),
    onChainStart: () => ask("on_chain_start"),
    onChainEnd: () => void ask("on_chain_end"),
    onChordHeaderStart: () => ask("on_chord_header_start") ?? ask("on_group_start"),
    onChordHeaderEnd: () => void (ask("on_chord_header_end") ?? ask("on_group_end")),
    onChordBody: () => ask("on_chord_body"),
    onCallback: () => ask("on_callback"),
    onErrback: () => ask("on_errback"),
  };
}
function nameOf(signature: Canvas & { readonly task: string }): string {
  if (signature.kind === "chunks") return "celery.chunks";
  return signature.kind === "task" && signature.each ? `celery.${signature.each}` : signature.task;
}
