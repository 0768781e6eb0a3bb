import type { Canvas, Chain, Chord, Chunks, Group, Links, Signature, SignatureOptions } from "./canvas.ts";
import { assertNever } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import { isPlainObject } from "./json-check.ts";
import { readWireOptions } from "./signature-options.ts";

/**
 * Stamping: every signature of a canvas is marked, its callbacks before it. Marks come from above (what was given, what a visitor said of the compositions
 * around) and from the visitor's word on the signature itself; what is nearer to the top wins, and what was stamped before comes last.
 */

/**
 * What a visitor says: marks by name. Without `stamped_headers` all of them are stamps; with it only those it names, and the others are options of the
 * signature, or headers of its run.
 */
export type Marks = JsonObject;
type Hook<Visited> = (canvas: Visited, marks: Marks) => Marks | undefined | void;

/** Called on the way through a canvas; whatever is left out says nothing. `marks`: what comes from above. */
export interface StampVisitor {
  readonly onSignature?: Hook<Signature | Chunks>;
  readonly onGroupStart?: Hook<Group>;
  readonly onGroupEnd?: (group: Group, marks: Marks) => void;
  readonly onChainStart?: Hook<Chain>;
  readonly onChainEnd?: (chain: Chain, marks: Marks) => void;
  /** Without it `onGroupStart` is asked about the header; likewise for the end. */
  readonly onChordHeaderStart?: Hook<Chord>;
  readonly onChordHeaderEnd?: (chord: Chord, marks: Marks) => void;
  readonly onChordBody?: Hook<Chord>;
  readonly onCallback?: Hook<Canvas>;
  readonly onErrback?: Hook<Canvas>;
}
export interface StampRules {
  /** A name that is stamped again keeps its older values, in a list with the newest first. Default: the newest alone. */
  readonly append?: boolean;
}

/** Throws `invalid_canvas` for marks that no signature can carry. */
export function stamp(canvas: Canvas, marks: Marks, visitor: StampVisitor = {}, { append = false }: StampRules = {}): Canvas {
  return stamped(canvas, complete(marks), { visitor, append });
}

interface Stamping {
  readonly visitor: StampVisitor;
  readonly append: boolean;
}
/** Marks that say which of them are stamps. */
interface FullMarks {
  readonly values: JsonObject;
  readonly stamps: ReadonlySet<string>;
}
function complete(marks: Marks | undefined | void): FullMarks {
  const { stamped_headers: stamped, ...values } = marks ?? {};
  return { values, stamps: new Set(Array.isArray(stamped) ? (stamped as string[]) : Object.keys(values)) };
}
function wire({ values, stamps }: FullMarks): Marks {
  return { ...values, stamped_headers: [...stamps] };
}
function joined(first: FullMarks, second: FullMarks, append: boolean): FullMarks {
  return { values: { ...second.values, ...mapped(first.values, second.values, append) }, stamps: new Set([...first.stamps, ...second.stamps]) };
}
function mapped(first: JsonObject, second: JsonObject, append: boolean): JsonObject {
  return Object.fromEntries(Object.entries(first).map(([name, value]) => [name, both(value, second[name], append)]));
}
function both(first: Json, second: Json | undefined, append: boolean): Json {
  if (second === undefined) return first;
  if (isPlainObject(first) && isPlainObject(second)) return { ...second, ...mapped(first, second, append) };
  // Lists gather, as what a visitor says of nested groups.
  if (append || (Array.isArray(first) && Array.isArray(second))) return [first, second].flat(1);
  return first;
}

function stamped(canvas: Canvas, above: FullMarks, stamping: Stamping): Canvas {
  switch (canvas.kind) {
    case "task":
    case "chunks":
      return stampedSignature(canvas, above, stamping);
    case "chain":
      return stampedChain(canvas, above, stamping);
    case "group":
      return stampedGroup(canvas, above, stamping);
    case "chord":
      return stampedChord(canvas, above, stamping);
    default:
      return assertNever(canvas);
  }
}

function stampedSignature<Kind extends Signature | Chunks>(signature: Kind, above: FullMarks, stamping: Stamping): Kind {
  const linked = { ...signature, ...stampedLinks(signature, above, stamping) };
  const said = joined(above, complete(stamping.visitor.onSignature?.(signature, wire(above))), stamping.append);
  const before: FullMarks = { values: signature.options.stamps ?? {}, stamps: new Set(Object.keys(signature.options.stamps ?? {})) };
  return { ...linked, options: marked(signature.options, joined(said, before, stamping.append)) };
}
function marked(own: SignatureOptions, marks: FullMarks): SignatureOptions {
  if (Object.keys(marks.values).length === 0) return own;
  const { stamps = {}, headers, ...options } = readWireOptions(wire(marks), "/options");
  return {
    ...own,
    ...options,
    ...(Object.keys(stamps).length > 0 && { stamps }),
    ...(headers && { headers: { ...own.headers, ...headers } }),
  };
}
/** Callbacks hear what comes from above, not what is stamped on their host. */
function stampedLinks({ link, linkError }: Links, above: FullMarks, stamping: Stamping): Links {
  const { visitor, append } = stamping;
  const each = (callback: Canvas, hook: Hook<Canvas> | undefined): Canvas =>
    stamped(callback, joined(above, complete(hook?.(callback, wire(above))), append), stamping);
  return {
    ...(link && { link: link.map((callback) => each(callback, visitor.onCallback)) }),
    ...(linkError && { linkError: linkError.map((errback) => each(errback, visitor.onErrback)) }),
  };
}
function stampedChain(chain: Chain, above: FullMarks, stamping: Stamping): Chain {
  const { visitor, append } = stamping;
  const marks = joined(above, complete(visitor.onChainStart?.(chain, wire(above))), append);
  const links = stampedLinks(chain, marks, stamping);
  const items = chain.items.map((item) => stamped(item, marks, stamping));
  visitor.onChainEnd?.(chain, wire(marks));
  return { ...chain, ...links, items };
}
function stampedGroup(group: Group, above: FullMarks, stamping: Stamping): Group {
  const { visitor, append } = stamping;
  const marks = joined(above, complete(visitor.onGroupStart?.(group, wire(above))), append);
  const members = group.members.map((member) => stamped(member, marks, stamping));
  visitor.onGroupEnd?.(group, wire(marks));
  return { ...group, members };
}
function stampedChord(chord: Chord, above: FullMarks, stamping: Stamping): Chord {
  const { visitor, append } = stamping;
  const { onChordHeaderStart, onChordHeaderEnd } = visitor;
  const start = onChordHeaderStart ? onChordHeaderStart(chord, wire(above)) : visitor.onGroupStart?.(chord.header, wire(above));
  const marks = joined(above, complete(start), append);
  const members = chord.header.members.map((member) => stamped(member, marks, stamping));
  if (onChordHeaderEnd) onChordHeaderEnd(chord, wire(marks));
  else visitor.onGroupEnd?.(chord.header, wire(marks));
  const ofBody = joined(marks, complete(visitor.onChordBody?.(chord, wire(marks))), append);
  return { ...chord, header: { ...chord.header, members }, body: stamped(chord.body, ofBody, stamping) };
}
