import { assertNever } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import { encodeCanvas } from "./canvas-encode.ts";
import { setImmutable } from "./canvas-parts.ts";
import type { Canvas, Group, Links } from "./canvas.ts";

/** Rules for attaching error links. */
export interface LinkRules {
  /** `true` attaches the error links of a chord to each member of its header as well. Default `false`. */
  readonly headerErrors?: boolean;
}
/**
 * Returns the canvas with a link, which runs `callback` with the value of the canvas. In a chord the link goes to the
 * body, and in a group to the first member. An equal link is added once.
 */
export function withLink(canvas: Canvas, callback: Canvas): Canvas {
  return linked(canvas, new Callbacks([callback]));
}
/**
 * Returns the canvas with an error link, which runs `errback` when the canvas fails. In a group the link goes to every
 * member, and in a chord to the body, which fails with the header. With `headerErrors` it goes to the members of the
 * header as well.
 */
export function withLinkError(canvas: Canvas, errback: Canvas, rules: LinkRules = {}): Canvas {
  return errorLinked(canvas, new Callbacks([errback]), rules);
}
/** Returns the canvas with all of these links and error links. */
export function withLinks(
  canvas: Canvas,
  link: readonly Canvas[],
  linkError: readonly Canvas[],
  rules: LinkRules = {},
): Canvas {
  return addingLinks(link, linkError, rules)(canvas);
}
/** Returns the function that does it for many canvases. Those that had the same lists before share the new ones. */
export function addingLinks(
  link: readonly Canvas[],
  linkError: readonly Canvas[],
  rules: LinkRules = {},
): (canvas: Canvas) => Canvas {
  const [links, errors] = [new Callbacks(link), new Callbacks(linkError)];
  return (canvas) => {
    const withValue = link.length === 0 ? canvas : linked(canvas, links);
    return linkError.length === 0 ? withValue : errorLinked(withValue, errors, rules);
  };
}
function linked(canvas: Canvas, link: Callbacks): Canvas {
  switch (canvas.kind) {
    case "task":
    case "chain":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
    case "graph":
      return { ...canvas, link: link.after(canvas.link) };
    case "chord":
      return { ...canvas, body: linked(canvas.body, link) };
    case "group": {
      const [first, ...rest] = canvas.members;
      return first === undefined ? canvas : { ...canvas, members: [linked(first, link.immutable()), ...rest] };
    }
    default:
      return assertNever(canvas);
  }
}
function errorLinked(canvas: Canvas, linkError: Callbacks, rules: LinkRules): Canvas {
  const members = (group: Group): Group => ({
    ...group,
    members: group.members.map((member) => errorLinked(member, linkError, rules)),
  });
  switch (canvas.kind) {
    case "task":
    case "chain":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
    case "graph":
      return { ...canvas, linkError: linkError.after(canvas.linkError) };
    case "group":
      return members(canvas);
    case "chord":
      return {
        ...canvas,
        header: rules.headerErrors ? members(canvas.header) : canvas.header,
        body: errorLinked(canvas.body, linkError, rules),
      };
    default:
      return assertNever(canvas);
  }
}
/**
 * Callbacks that are given to many signatures at once. Each is compared by its text, which is made once. Signatures with
 * the same list before share the list afterwards, so that a group of 100,000 members with 100 links stays small.
 */
class Callbacks {
  readonly #given: readonly Canvas[];
  readonly #after = new Map<readonly Canvas[] | undefined, readonly Canvas[]>();
  #immutable: Callbacks | undefined;
  #texts: ReadonlyMap<string, Canvas> | undefined;

  constructor(given: readonly Canvas[]) {
    this.#given = given;
  }

  /** Returns the signature's own callbacks and then these, without those that are equal to one before. */
  after(own: Links["link"]): readonly Canvas[] {
    const key = own?.length ? own : undefined;
    const known = this.#after.get(key);
    if (known) return known;
    const added = this.#added(key);
    this.#after.set(key, added);
    return added;
  }
  immutable(): Callbacks {
    return (this.#immutable ??= new Callbacks(this.#given.map((callback) => setImmutable(callback, true))));
  }
  #added(own: Links["link"]): readonly Canvas[] {
    if (!own) return this.#given.length === 1 ? this.#given : [...this.#byText().values()];
    const known = new Set(own.map(textOf));
    const more = [...this.#byText()].filter(([text]) => !known.has(text));
    return more.length === 0 ? own : [...own, ...more.map(([, callback]) => callback)];
  }
  #byText(): ReadonlyMap<string, Canvas> {
    if (this.#texts) return this.#texts;
    const texts = new Map<string, Canvas>();
    for (const callback of this.#given) {
      const text = textOf(callback);
      if (!texts.has(text)) texts.set(text, callback);
    }
    return (this.#texts = texts);
  }
}
const textOf = (callback: Canvas): string => canonicalJson(encodeCanvas(callback));
