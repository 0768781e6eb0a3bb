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
  switch (canvas.kind) {
    case "task":
    case "chain":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return { ...canvas, link: added(canvas.link, callback) };
    case "chord":
      return { ...canvas, body: withLink(canvas.body, callback) };
    case "group": {
      const [first, ...rest] = canvas.members;
      return first === undefined
        ? canvas
        : { ...canvas, members: [withLink(first, setImmutable(callback, true)), ...rest] };
    }
    default:
      return assertNever(canvas);
  }
}
/**
 * Returns the canvas with an error link, which runs `errback` when the canvas fails. In a group the link goes to every
 * member, and in a chord to the body, which fails with the header. With `headerErrors` it goes to the members of the
 * header as well.
 */
export function withLinkError(canvas: Canvas, errback: Canvas, rules: LinkRules = {}): Canvas {
  const member = (each: Canvas): Canvas => withLinkError(each, errback, rules);
  const members = (group: Group): Group => ({ ...group, members: group.members.map(member) });
  switch (canvas.kind) {
    case "task":
    case "chain":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return { ...canvas, linkError: added(canvas.linkError, errback) };
    case "group":
      return members(canvas);
    case "chord":
      return {
        ...canvas,
        header: rules.headerErrors ? members(canvas.header) : canvas.header,
        body: member(canvas.body),
      };
    default:
      return assertNever(canvas);
  }
}
/** Returns the canvas with all of these links and error links. */
export function withLinks(
  canvas: Canvas,
  link: readonly Canvas[],
  linkError: readonly Canvas[],
  rules: LinkRules = {},
): Canvas {
  const linked = link.reduce(withLink, canvas);
  return linkError.reduce((each, errback) => withLinkError(each, errback, rules), linked);
}
/** Returns the links with one more, unless an equal link is among them. */
function added(links: Links["link"], link: Canvas): readonly Canvas[] {
  if (links === undefined || links.length === 0) return [link];
  const text = canonicalJson(encodeCanvas(link));
  return links.some((each) => each === link || canonicalJson(encodeCanvas(each)) === text) ? links : [...links, link];
}
