import { assertNever } from "../errors.ts";
import type { Json } from "../json.ts";
import { withParts } from "./canvas-algebra.ts";
import type { Canvas, Chain, Chord, Chunks, Group, Links, Signature, SignatureOptions } from "./canvas.ts";
import { readWireOptions } from "./signature-options.ts";

/**
 * Names with values for signatures. `stamped_headers` says which of them are stamps, by which runs are searched; without it all are. The others are options
 * of the signature, or headers for the running task.
 */
export type Marks = { readonly [name: string]: Json };

/** Is asked on the way through a canvas and answers with marks: for a signature, or for everything below a composition. All hooks are optional. */
export interface StampVisitor {
  /** `marks`: those from above. */
  onSignature?(signature: Signature | Chunks, marks: Marks): Marks | undefined;
  onChainStart?(chain: Chain, marks: Marks): Marks | undefined;
  onChainEnd?(chain: Chain, marks: Marks): void;
  onGroupStart?(group: Group, marks: Marks): Marks | undefined;
  onGroupEnd?(group: Group, marks: Marks): void;
  /** Without it a header is a group like any other. */
  onChordHeaderStart?(chord: Chord, marks: Marks): Marks | undefined;
  onChordHeaderEnd?(chord: Chord, marks: Marks): void;
  onChordBody?(chord: Chord, marks: Marks): Marks | undefined;
  /** A link, before it is stamped itself. */
  onCallback?(callback: Canvas, marks: Marks): Marks | undefined;
  onErrback?(errback: Canvas, marks: Marks): Marks | undefined;
}
/** `append`: a stamp that is there already becomes a list, the newest first; otherwise the new value wins. */
export interface StampRules {
  readonly append?: boolean;
}

/**
 * Stamps every signature of a canvas, its links included. Links that are added later are not stamped; stamps are not handed on to what replaces a run.
 * Throws `invalid_canvas`.
 * @example stamp(canvas, { tenant: "acme" });
 */
export function stamp(canvas: Canvas, marks: Marks, visitor: StampVisitor = {}, { append = false }: StampRules = {}): Canvas {
  return stampNode(canvas, marks, { visitor, append });
}

interface Walk {
  readonly visitor: StampVisitor;
  readonly append: boolean;
}
function stampNode(canvas: Canvas, given: Marks, walk: Walk): Canvas {
  const { visitor } = walk;
  switch (canvas.kind) {
    case "task":
    case "chunks": {
      const linked = stampLinks(canvas, given, walk);
      const merged = merge([given, visitor.onSignature?.(canvas, given), ownStamps(canvas.options)], walk.append);
      return { ...linked, options: optionsWith(canvas.options, merged) };
    }
    case "chain": {
      const marks = merge([given, visitor.onChainStart?.(canvas, given)], walk.append);
      const linked = stampLinks(canvas, marks, walk);
      const items = canvas.items.map((item) => stampNode(item, marks, walk));
      visitor.onChainEnd?.(canvas, marks);
      return { ...linked, items };
    }
    case "group": {
      const marks = merge([given, visitor.onGroupStart?.(canvas, given)], walk.append);
      const members = canvas.members.map((member) => stampNode(member, marks, walk));
      visitor.onGroupEnd?.(canvas, marks);
      return { ...canvas, members };
    }
    case "when":
    case "repeat": {
      const linked = stampLinks(canvas, given, walk);
      return withParts(linked, (part) => stampNode(part, given, walk));
    }
    case "wait":
      return stampLinks(canvas, given, walk);
    case "chord":
      return stampChord(canvas, given, walk);
    default:
      return assertNever(canvas);
  }
}
/** What is said of the header holds for the body too. */
function stampChord(chord: Chord, given: Marks, walk: Walk): Chord {
  const { visitor } = walk;
  const { header } = chord;
  const said = visitor.onChordHeaderStart ? visitor.onChordHeaderStart(chord, given) : visitor.onGroupStart?.(header, given);
  const marks = merge([given, said], walk.append);
  const members = header.members.map((member) => stampNode(member, marks, walk));
  if (visitor.onChordHeaderEnd) visitor.onChordHeaderEnd(chord, marks);
  else visitor.onGroupEnd?.(header, marks);
  const ofBody = merge([marks, visitor.onChordBody?.(chord, marks)], walk.append);
  return { kind: "chord", header: { ...header, members }, body: stampNode(chord.body, ofBody, walk) };
}
function stampLinks<Host extends Links>(host: Host, marks: Marks, walk: Walk): Host {
  const { visitor, append } = walk;
  if (!host.link?.length && !host.linkError?.length) return host;
  return {
    ...host,
    ...(host.link && { link: host.link.map((each) => stampNode(each, merge([marks, visitor.onCallback?.(each, marks)], append), walk)) }),
    ...(host.linkError && { linkError: host.linkError.map((each) => stampNode(each, merge([marks, visitor.onErrback?.(each, marks)], append), walk)) }),
  };
}

/** Marks of several, the first of them the newest. */
function merge(all: readonly (Marks | undefined)[], append: boolean): Marks {
  const merged: Record<string, Json> = {};
  const stamped = new Set<string>();
  for (const marks of all) {
    if (!marks) continue;
    const { stamped_headers: named, ...values } = marks;
    for (const name of Array.isArray(named) ? (named as readonly string[]) : Object.keys(values)) stamped.add(name);
    for (const [name, value] of Object.entries(values)) {
      const there = merged[name];
      if (there === undefined) merged[name] = value;
      else if (append) merged[name] = [...listOf(there), ...listOf(value)];
    }
  }
  return { ...merged, stamped_headers: [...stamped].sort() };
}
const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : [value]);
function ownStamps({ stamps }: SignatureOptions): Marks | undefined {
  return stamps && { ...stamps, stamped_headers: Object.keys(stamps) };
}
function optionsWith(own: SignatureOptions, marks: Marks): SignatureOptions {
  const { stamps = {}, headers = {}, ...options } = readWireOptions(marks, "/options");
  const allHeaders = { ...own.headers, ...headers };
  return {
    ...own,
    ...options,
    ...(Object.keys(stamps).length > 0 && { stamps }),
    ...(Object.keys(allHeaders).length > 0 && { headers: allHeaders }),
  };
}
