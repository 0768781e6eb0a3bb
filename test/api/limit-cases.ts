import { LIMITS } from "../../functions/core/limits.ts";
import { canvas, nested, task } from "./refused-parts.ts";

/** A request at its limit, and one above. */
export interface LimitCase {
  readonly limit: keyof typeof LIMITS;
  readonly what: string;
  readonly at: () => Asked;
  readonly above: () => Asked;
  readonly code: string;
  readonly field?: string;
  /** How the job at the limit ends. `"not run"` for a job that would take minutes. Default `success`. */
  readonly ends?: "failure" | "started" | "not run";
}
export interface Asked {
  readonly body: string;
  readonly headers?: Record<string, string>;
}

const noop = { task: "noop" };
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, k) => make(k));
const of = (value: unknown): Asked => ({ body: canvas(value) });
const stacked = (levels: number, around: (inner: unknown) => unknown): unknown => {
  let inner: unknown = noop;
  for (let level = 0; level < levels; level++) inner = around(inner);
  return inner;
};
const groups = (levels: number) =>
  of(stacked(levels, (inner) => ({ group: [inner, noop], options: { policy: "settled" } })));
const links = (count: number) => of({ ...noop, link: times(count, (k) => ({ ...noop, args: [k] })) });
/** Nodes beside each other, the last of which follows so many of them. */
const graph = (nodes: number, parents: number) =>
  of({
    graph: times(nodes, (k) => ({
      id: `n${k}`,
      do: noop,
      parents: k === nodes - 1 ? times(parents, (parent) => `n${parent}`) : [],
    })),
  });
const looped = (most: number) => of({ repeat: { body: noop, until: { is: "exists" }, most } });
const stamped = (bytes: number) => of({ ...noop, options: { stamps: { a: "x".repeat(bytes - 8) } } });
const named = (characters: number) => of({ event: { name: "e".repeat(characters) } });
const keyed = (characters: number): Asked => ({ ...of(noop), headers: { "Idempotency-Key": "k".repeat(characters) } });
const sized = (bytes: number): Asked => {
  const empty = task('{"task":"noop","args":[""]}');
  return { body: task(`{"task":"noop","args":["${"x".repeat(bytes - empty.length)}"]}`) };
};
const chunks = (members: number) => of({ chunks: { task: "noop", it: times(members, () => []), n: 1 } });
const argument = (levels: number): Asked => ({ body: task(`{"task":"noop","args":${nested(levels)}}`) });
/** A chain with the same error links beside each of its tasks. */
const errorLinks = (steps: number, each: number) =>
  of({ chain: times(steps, () => noop), link_error: times(each, (k) => ({ ...noop, args: [k] })) });

export const LIMIT_CASES: readonly LimitCase[] = [
  {
    limit: "strandSteps",
    what: "steps of a chain",
    at: () => of({ chain: times(LIMITS.strandSteps, () => noop) }),
    above: () => of({ chain: times(LIMITS.strandSteps + 1, () => noop) }),
    code: "too_many_children",
    field: "/canvas/chain",
  },
  {
    limit: "strandSteps",
    what: "items of a pipe",
    at: () => of({ pipe: times(LIMITS.strandSteps, () => noop) }),
    above: () => of({ pipe: times(LIMITS.strandSteps + 1, () => noop) }),
    code: "too_many_children",
    field: "/canvas/pipe",
    ends: "not run",
  },
  {
    limit: "strandSteps",
    what: "repetitions of a loop",
    at: () => looped(LIMITS.strandSteps),
    above: () => looped(LIMITS.strandSteps + 1),
    code: "invalid_canvas",
    field: "/canvas/repeat/most",
  },
  {
    limit: "strandSteps",
    what: "repetitions of a map",
    at: () => of({ repeat: { body: { map: { task: "noop", it: [1] } }, until: { is: "exists" }, most: 9_999 } }),
    above: () => of({ repeat: { body: { chain: [noop, noop] }, until: { is: "exists" }, most: 5_000 } }),
    code: "too_many_children",
    field: "/canvas/repeat/most",
  },
  {
    limit: "jsonDepth",
    what: "levels of an argument",
    at: () => argument(LIMITS.jsonDepth),
    above: () => argument(LIMITS.jsonDepth + 1),
    code: "too_deep",
    field: "/canvas/args",
  },
  {
    limit: "jsonDepth",
    what: "levels of a canvas",
    at: () => of(stacked(LIMITS.jsonDepth / 2, (inner) => ({ chain: [inner] }))),
    above: () => of(stacked(LIMITS.jsonDepth / 2 + 1, (inner) => ({ chain: [inner] }))),
    code: "too_deep",
  },
  {
    limit: "groupDepth",
    what: "levels of groups",
    at: () => groups(LIMITS.groupDepth),
    above: () => groups(LIMITS.groupDepth + 1),
    code: "too_deep",
  },
  {
    limit: "groupMembers",
    what: "members of a group",
    at: () => chunks(LIMITS.groupMembers),
    above: () => chunks(LIMITS.groupMembers + 1),
    code: "too_many_children",
    field: "/canvas/chunks",
    ends: "not run",
  },
  {
    limit: "graphNodes",
    what: "nodes of a graph",
    at: () => graph(LIMITS.graphNodes, 0),
    above: () => graph(LIMITS.graphNodes + 1, 0),
    code: "too_many_children",
    field: "/canvas/graph",
  },
  {
    limit: "nodeParents",
    what: "parents of a node",
    at: () => graph(LIMITS.nodeParents + 1, LIMITS.nodeParents),
    above: () => graph(LIMITS.nodeParents + 2, LIMITS.nodeParents + 1),
    code: "too_many_children",
    field: `/canvas/graph/${LIMITS.nodeParents + 1}/parents`,
  },
  {
    limit: "links",
    what: "links of a signature",
    at: () => links(LIMITS.links),
    above: () => links(LIMITS.links + 1),
    code: "too_many_children",
    field: "/canvas/link",
  },
  {
    limit: "planSteps",
    what: "steps of a plan",
    at: () => errorLinks(9_900, 100),
    above: () => of({ group: times(19_802, () => noop), link_error: times(100, (k) => ({ ...noop, args: [k] })) }),
    code: "too_many_children",
    ends: "not run",
  },
  {
    limit: "planCharacters",
    what: "characters of a plan",
    at: () => of({ group: times(60_000, () => noop), options: { stamps: { a: "x".repeat(4_000) } } }),
    above: () => of({ group: times(70_000, () => noop), options: { stamps: { a: "x".repeat(4_000) } } }),
    code: "payload_too_large",
    ends: "not run",
  },
  {
    limit: "plannedRuns",
    what: "runs that a canvas means",
    at: () => of(stacked(2, (body) => ({ repeat: { body, until: { is: "exists" }, most: 9_999 } }))),
    above: () => of(stacked(3, (body) => ({ repeat: { body, until: { is: "exists" }, most: 9_999 } }))),
    code: "too_many_children",
    field: "/canvas/repeat/body/repeat/body/repeat/body",
  },
  {
    limit: "canvasBytes",
    what: "bytes of a submission",
    at: () => sized(LIMITS.canvasBytes),
    above: () => sized(LIMITS.canvasBytes + 1),
    code: "payload_too_large",
  },
  {
    limit: "inlineBytes",
    what: "bytes of the stamps of a signature",
    at: () => stamped(LIMITS.inlineBytes),
    above: () => stamped(LIMITS.inlineBytes + 1),
    code: "payload_too_large",
    field: "/canvas/options/stamps",
  },
  {
    limit: "nameCharacters",
    what: "characters of a name",
    at: () => named(LIMITS.nameCharacters),
    above: () => named(LIMITS.nameCharacters + 1),
    code: "invalid_canvas",
    field: "/canvas/event/name",
    ends: "started",
  },
  {
    limit: "idempotencyKeyCharacters",
    what: "characters of an Idempotency-Key",
    at: () => keyed(LIMITS.idempotencyKeyCharacters),
    above: () => keyed(LIMITS.idempotencyKeyCharacters + 1),
    code: "invalid_request",
    field: "Idempotency-Key",
  },
];
