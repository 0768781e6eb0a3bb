import { assertNever } from "../errors.ts";
import type { Json } from "../json.ts";
import { withNodes, withParts } from "./canvas-parts.ts";
import type { Canvas, Chain, Chord, Chunks, Group, Links, Signature, SignatureOptions } from "./canvas.ts";
import { readWireOptions } from "./signature-options.ts";

/**
 * Named values to add to signatures. `stamped_headers` lists the names that are stamps; without it all are. Runs are
 * searched by their stamps. The other names are options of the signature, or headers for the running task.
 */
export type Marks = { readonly [name: string]: Json };

/**
 * Visits the parts of a canvas in order. Each hook returns marks for a signature, or for everything below a
 * composition, and receives the marks from above. All hooks are optional.
 */
export interface StampVisitor {
  /** Called for each signature, and for each list of chunks. */
  onSignature?(signature: Signature | Chunks, marks: Marks): Marks | undefined;
  onChainStart?(chain: Chain, marks: Marks): Marks | undefined;
  onChainEnd?(chain: Chain, marks: Marks): void;
  onGroupStart?(group: Group, marks: Marks): Marks | undefined;
  onGroupEnd?(group: Group, marks: Marks): void;
  /** Called for the header of a chord. Without this hook `onGroupStart` is called for the header. */
  onChordHeaderStart?(chord: Chord, marks: Marks): Marks | undefined;
  onChordHeaderEnd?(chord: Chord, marks: Marks): void;
  onChordBody?(chord: Chord, marks: Marks): Marks | undefined;
  /** Called for a link before the link itself is stamped. */
  onCallback?(callback: Canvas, marks: Marks): Marks | undefined;
  onErrback?(errback: Canvas, marks: Marks): Marks | undefined;
}
/** Rules for signatures that are stamped already. */
export interface StampRules {
  /** `true` collects values of equal names in a list, newest first. Otherwise the new value wins. Default `false`. */
  readonly append?: boolean;
}

/**
 * Returns the canvas with every signature stamped, its links included. Links that are added later are not stamped. A
 * canvas that replaces a run does not inherit its stamps.
 * @throws FanfoldError `invalid_canvas`
 * @example stamp(canvas, { tenant: "acme" });
 */
export function stamp(
  canvas: Canvas,
  marks: Marks,
  visitor: StampVisitor = {},
  { append = false }: StampRules = {},
): Canvas {
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
    case "graph": {
      const linked = stampLinks(canvas, given, walk);
      return withNodes(linked, (node) => stampNode(node.do, given, walk));
    }
    case "wait":
      return stampLinks(canvas, given, walk);
    case "chord":
      return stampChord(canvas, given, walk);
    default:
      return assertNever(canvas);
  }
}
/** Stamps a chord. Marks of the header apply to the body too. */
function stampChord(chord: Chord, given: Marks, walk: Walk): Chord {
  const { visitor } = walk;
  const { header } = chord;
  const headerMarks = visitor.onChordHeaderStart
    ? visitor.onChordHeaderStart(chord, given)
    : visitor.onGroupStart?.(header, given);
  const marks = merge([given, headerMarks], walk.append);
  const members = header.members.map((member) => stampNode(member, marks, walk));
  if (visitor.onChordHeaderEnd) visitor.onChordHeaderEnd(chord, marks);
  else visitor.onGroupEnd?.(header, marks);
  const bodyMarks = merge([marks, visitor.onChordBody?.(chord, marks)], walk.append);
  return { kind: "chord", header: { ...header, members }, body: stampNode(chord.body, bodyMarks, walk) };
}
function stampLinks<Host extends Links>(host: Host, marks: Marks, walk: Walk): Host {
  const { visitor, append } = walk;
  if (!host.link?.length && !host.linkError?.length) return host;
  return {
    ...host,
    ...(host.link && {
      link: host.link.map((each) => stampNode(each, merge([marks, visitor.onCallback?.(each, marks)], append), walk)),
    }),
    ...(host.linkError && {
      linkError: host.linkError.map((each) =>
        stampNode(each, merge([marks, visitor.onErrback?.(each, marks)], append), walk),
      ),
    }),
  };
}

/** Merges marks from several sources, newest first. */
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
