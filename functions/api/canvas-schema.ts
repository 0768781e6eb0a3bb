import * as z from "zod";
import { TRACKINGS } from "../core/canvas/canvas.ts";
import { LIMITS } from "../core/limits.ts";
import { components, failurePolicy, json, milliseconds } from "./schemas.ts";

/**
 * The wire form of a canvas, for the OpenAPI document and for docs/canvas.schema.json. Requests are not checked by it.
 * `parseCanvas` in core reads them, limits depth and size, and names the wrong node; a union of recursive schemas can
 * only say that nothing matched.
 */
const retryPolicy = z
  .strictObject({
    maxAttempts: z.int().min(1),
    initialDelaySeconds: z.number().min(0),
    backoffFactor: z.number().min(1),
    maxDelaySeconds: z.number().min(0),
    jitter: z.number().min(0).max(1),
  })
  .partial()
  .register(components, { id: "RetryPolicy" });

const dependency: z.ZodType = z
  .lazy(() =>
    z.strictObject({
      task: z.string().min(1).max(LIMITS.nameCharacters),
      args: z.array(json).optional(),
      kwargs: z.record(z.string(), json).optional(),
      options: z.strictObject(sharedOptions).optional(),
    }),
  )
  .register(components, { id: "Dependency", description: "A run that jobs share, on which another one depends" });
const dependsOn = z
  .record(z.string(), dependency)
  .optional()
  .describe(`At most ${LIMITS.dependencies} runs, whose values the task is given by name`);
const limitKey = z.string().min(1).max(LIMITS.nameCharacters).describe("Default: the name of the task");
const sharedOptions = {
  queue: z.string().optional(),
  priority: z.int().min(0).max(9).optional(),
  timeout: z.number().optional(),
  retry: retryPolicy.optional(),
  dedupe: z
    .union([z.enum(["running", "forever", "none"]), z.number().positive()])
    .optional()
    .describe("Which run of the same task and arguments is taken in place of another; a number is seconds"),
  scope: z
    .string()
    .min(1)
    .max(LIMITS.nameCharacters)
    .optional()
    .describe("Who shares these runs: `deployment`, `site`, `principal`, or any other text"),
  dependsOn,
};
const options = {
  ...sharedOptions,
  countdown: z.number().min(0).optional(),
  eta: milliseconds.optional(),
  expires: z.number().min(0).optional(),
  ignoreResult: z.boolean().optional(),
  rateLimit: z
    .strictObject({
      per: z.int().min(1).max(LIMITS.ratePerSeconds).describe("Seconds of a window"),
      limit: z.int().min(1).max(LIMITS.rateLimit).describe("Starts in a window"),
      key: limitKey.optional(),
    })
    .optional(),
  concurrency: z
    .strictObject({
      limit: z.int().min(1).max(LIMITS.concurrencyLimit).describe("Runs at the same time"),
      key: limitKey.optional(),
    })
    .optional(),
  locks: z
    .array(z.strictObject({ key: limitKey, mode: z.enum(["write", "read"]).optional().describe("Default write") }))
    .max(LIMITS.locks)
    .optional(),
  stamps: z.record(z.string(), json).optional(),
  headers: z.record(z.string(), json).optional(),
};
const stamped = {
  stamped_headers: z
    .array(z.string())
    .describe("Names of the stamps among the further names here; the others are headers of the run"),
};
const signatureOptions = z
  .union([z.strictObject(options), z.looseObject({ ...options, ...stamped })])
  .register(components, {
    id: "SignatureOptions",
    description: "Times are seconds, `eta` is milliseconds since the epoch",
  });
const groupOwn = {
  policy: failurePolicy.optional(),
  tracking: z.enum(TRACKINGS).optional(),
  ttlSeconds: z
    .int()
    .min(1)
    .max(31_536_000)
    .optional()
    .describe("How long the ended group can be read, counted from its end"),
};
const groupOptions = z
  .union([z.strictObject({ ...groupOwn, ...options }), z.looseObject({ ...groupOwn, ...options, ...stamped })])
  .register(components, {
    id: "GroupOptions",
    description: "Of the group itself, and options for each of its members",
  });

const { tracking: _tracking, ...graphOwn } = groupOwn;
const graphOptions = z
  .union([z.strictObject({ ...graphOwn, ...options }), z.looseObject({ ...graphOwn, ...options, ...stamped })])
  .register(components, {
    id: "GraphOptions",
    description: "Of the graph itself, and options for each of its nodes",
  });
const graphNode = z
  .lazy(() =>
    z.strictObject({
      id: z.string().min(1).max(LIMITS.nameCharacters).describe("Names the node within its graph"),
      do: canvasNode,
      parents: z
        .array(z.string())
        .max(LIMITS.nodeParents)
        .optional()
        .describe("Ids of the nodes that it follows. Only the first node may leave them out"),
      site: z.string().optional().describe("Where its tasks run, on the queues that they would have elsewhere"),
    }),
  )
  .register(components, { id: "GraphNode", description: "One node of a graph" });

const nodes = z.lazy(() => z.array(canvasNode));
const sequence = z.lazy(() => z.array(canvasNode).min(1).max(LIMITS.strandSteps));
const callbacks = z.lazy(() => z.array(canvasNode).max(LIMITS.links));
const common = {
  options: signatureOptions.optional(),
  immutable: z.boolean().optional().describe("The result of the step before is not prepended to `args`"),
  link: callbacks.optional().describe("Run with the value"),
  link_error: callbacks.optional().describe("Run with the request, the error and its trace"),
  v: z.literal(1).optional().describe("At the root only"),
};
const task = z.string().min(1).max(LIMITS.nameCharacters);
const lists = z.array(z.array(json));
const chunks = z.strictObject({ task, it: lists, n: z.int().min(1) });

const wait = z.strictObject({
  name: z.string().min(1).max(LIMITS.nameCharacters),
  expires: z.number().min(0).optional(),
});
const pointer = z.string().optional().describe("JSON pointer into the value; default: the whole");
const condition: z.ZodType = z
  .lazy(() =>
    z.union([
      z.strictObject({ is: z.enum(["eq", "ne", "lt", "le", "gt", "ge", "contains"]), value: json, path: pointer }),
      z.strictObject({ is: z.enum(["truthy", "exists"]), path: pointer }),
      z.strictObject({ all: z.array(condition).min(1).max(100) }),
      z.strictObject({ any: z.array(condition).min(1).max(100) }),
      z.strictObject({ not: condition }),
    ]),
  )
  .register(components, { id: "ValueCondition", description: "A question about a value" });

export const canvasNode: z.ZodType = z
  .lazy(() =>
    z.union([
      z.strictObject({
        task,
        args: z.array(json).optional(),
        kwargs: z.record(z.string(), json).optional(),
        ...common,
      }),
      z.strictObject({ chain: sequence, ...common }),
      z.strictObject({ pipe: sequence.describe("Read as what `a | b | c` makes of its items"), ...common }),
      z.strictObject({ group: nodes, ...common, options: groupOptions.optional() }),
      z.strictObject({ chord: z.strictObject({ header: z.union([canvasNode, nodes]), body: canvasNode }), ...common }),
      z.strictObject({ map: z.strictObject({ task, it: z.array(json) }), ...common }),
      z.strictObject({ starmap: z.strictObject({ task, it: lists }), ...common }),
      z.strictObject({ chunks, ...common }),
      z.strictObject({
        chunks_group: chunks.describe("Read as the group that the chunks make"),
        ...common,
        options: groupOptions.optional(),
      }),
      z.strictObject({
        when: z.strictObject({ condition, do: canvasNode, otherwise: canvasNode.optional() }),
        ...common,
      }),
      z.strictObject({
        repeat: z.strictObject({ body: canvasNode, until: condition, most: z.int().min(1).max(LIMITS.strandSteps) }),
        ...common,
      }),
      z.strictObject({
        graph: z
          .array(graphNode)
          .min(1)
          .max(LIMITS.graphNodes)
          .describe("A graph without cycles; its result is the list of the results of the nodes that none follows"),
        ...common,
        options: graphOptions.optional(),
      }),
      z.strictObject({ approval: wait.describe("Waits until somebody completes the run"), ...common }),
      z.strictObject({ event: wait.describe("Waits for an event of the job"), ...common }),
    ]),
  )
  .register(components, { id: "Canvas", description: "A task's signature, or a composition of them" });

/** Returns the JSON Schema that docs/canvas.schema.json publishes. */
export function canvasJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(canvasNode, { io: "input", metadata: components, reused: "ref" });
  return { $schema, title: "Fanfold canvas", ...schema };
}
