import fc from "fast-check";
import { eachOf } from "../../../functions/core/canvas/canvas-parts.ts";
import type { Canvas, Chain, Chord, Chunks, Graph, Group, Signature } from "../../../functions/core/canvas/canvas.ts";
import type { Json, JsonObject } from "../../../functions/core/json.ts";

/** JSON as it comes back from its own text: without -0 and without the one key that is refused. */
export const json = fc
  .jsonValue({ maxDepth: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json)
  .filter((value) => !JSON.stringify(value).includes('"__proto__"'));
const name = fc.stringMatching(/^[a-z][a-z._:/~-]{0,20}$/);
const kwargs = fc
  .dictionary(fc.string(), json, { maxKeys: 3, noNullPrototype: true })
  .filter((object) => !Object.hasOwn(object, "__proto__"))
  .map((object) => object as JsonObject);

const options = fc.record(
  {
    queue: fc.constantFrom("high", "london.high", "london.high#custom", "#discovery"),
    priority: fc.integer({ min: 0, max: 9 }),
    countdown: fc.nat(31_536_000),
    timeout: fc.integer({ min: 1, max: 900 }),
    retry: fc.record(
      { maxAttempts: fc.integer({ min: 1, max: 9 }), jitter: fc.constantFrom(0, 0.5, 1) },
      { requiredKeys: [] },
    ),
    ignoreResult: fc.boolean(),
    stamps: fc.dictionary(fc.constantFrom("team", "order"), fc.oneof(fc.string(), fc.nat()), {
      minKeys: 1,
      noNullPrototype: true,
    }),
    headers: fc.dictionary(fc.constantFrom("trace", "span"), fc.string(), { minKeys: 1, noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const groupOptions = fc.record(
  {
    policy: fc.oneof(
      fc.constantFrom("allSuccess" as const, "settled" as const, "failFast" as const),
      fc.record({ threshold: fc.nat(9) }),
    ),
    tracking: fc.constantFrom("lazy" as const, "full" as const),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const plain = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Headers alone come back beside the empty list of stamps. */
const normal = <T extends { headers?: object; stamps?: object }>(value: T): T =>
  plain(value.headers && !value.stamps ? { ...value, stamps: {} } : value);
const lists = fc.array(fc.array(json, { maxLength: 2 }), { maxLength: 4 });

const callback = signature("callback", { args: [1] });
const callbacks: (readonly Canvas[])[] = [
  [callback],
  [{ kind: "chain", items: [signature("other"), callback] }, callback],
];

export const { canvas } = fc.letrec<{
  canvas: Canvas;
  task: Signature;
  each: Signature;
  chain: Chain;
  group: Group;
  chord: Chord;
  chunks: Chunks;
  graph: Graph;
}>((tie) => ({
  canvas: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("task"),
    tie("chain"),
    tie("group"),
    tie("chord"),
    tie("each"),
    tie("chunks"),
    tie("graph"),
  ),
  task: fc.record(
    {
      kind: fc.constant("task" as const),
      task: name,
      args: fc.array(json, { maxLength: 3 }),
      kwargs,
      options: options.map(normal),
      immutable: fc.boolean(),
      link: fc.constantFrom(...callbacks),
      linkError: fc.constantFrom(...callbacks),
    },
    { requiredKeys: ["kind", "task", "args", "kwargs", "options", "immutable"], noNullPrototype: true },
  ),
  each: fc
    .record({
      each: fc.constantFrom("map" as const, "starmap" as const),
      task: name,
      items: lists,
      options: options.map(normal),
    })
    .map(({ each, task, items, options: given }) => eachOf(each, task, items, given)),
  chunks: fc.record({
    kind: fc.constant("chunks" as const),
    task: name,
    items: lists,
    size: fc.integer({ min: 1, max: 3 }),
    options: options.map(normal),
  }),
  chain: fc.record(
    {
      kind: fc.constant("chain" as const),
      items: fc.array(tie("canvas"), { minLength: 1, maxLength: 4 }),
      link: fc.constantFrom(...callbacks),
      linkError: fc.constantFrom(...callbacks),
    },
    { requiredKeys: ["kind", "items"], noNullPrototype: true },
  ),
  group: fc.record({
    kind: fc.constant("group" as const),
    members: fc.array(tie("canvas"), { maxLength: 4 }),
    options: groupOptions.map(plain),
  }),
  graph: fc
    .record({
      nodes: fc.array(fc.tuple(tie("canvas"), fc.array(fc.nat(9), { maxLength: 2 }), fc.boolean()), {
        minLength: 1,
        maxLength: 4,
      }),
      options: fc.constantFrom({}, { policy: "settled" as const }, { ttlSeconds: 60 }),
    })
    .map(({ nodes, options: given }) => ({
      kind: "graph" as const,
      nodes: nodes.map(([each, parents, placed], k) => ({
        id: `n${k}`,
        do: each,
        // One that follows several others begins with a task.
        parents: [
          ...new Set(k === 0 ? [] : parents.slice(0, each.kind === "task" ? 2 : 1).map((parent) => `n${parent % k}`)),
        ],
        ...(placed && { site: "london" }),
      })),
      options: given,
    })),
  chord: fc.record({ kind: fc.constant("chord" as const), header: tie("group"), body: tie("canvas") }),
}));

/** A signature of that name and nothing else. */
export function signature(task: string, parts: Partial<Signature> = {}): Signature {
  return { kind: "task", task, args: [], kwargs: {}, options: {}, immutable: false, ...parts };
}
