import { readFileSync } from "node:fs";
import * as z from "zod";
import type { Json, JsonObject } from "../../functions/core/json.ts";

/**
 * Cases in the notation of cases/canvas-notation.md, read strictly. A word that the runner does not know is an error,
 * because otherwise its check would be skipped.
 */
const json: z.ZodType<Json> = z.json();
const object = z.record(z.string(), json) as z.ZodType<JsonObject>;
const partials = z.strictObject({
  args: z.array(json).optional(),
  kwargs: object.optional(),
  options: object.optional(),
});
const failure = z.strictObject({ type: z.string(), stored: z.string().optional() });

const given = z.strictObject({
  canvas: json,
  ops: z.array(z.tuple([z.string()]).rest(json)).optional(),
  call: partials.optional(),
  actions: z.array(z.union([z.tuple([z.literal("sleep"), z.number()]), z.tuple([z.literal("revoke")])])).optional(),
  timeout: z.number().optional(),
  settle: z.number().optional(),
});
const expected = z.strictObject({
  result: json.optional(),
  error: failure.optional(),
  raises: z.strictObject({ type: z.string() }).optional(),
  returned_null: z.boolean().optional(),
  log: z.array(json).optional(),
  log_unordered: z.array(json).optional(),
  log_contains: z.array(json).optional(),
  log_last: json.optional(),
  executed: z.record(z.string(), z.number()).optional(),
  parents: z.array(json).optional(),
  children: z.array(json).optional(),
  collect: z.array(json).optional(),
  graph: z.strictObject({ nodes: z.number(), edges: z.number() }).optional(),
  group_api: z
    .strictObject({
      ready: z.boolean(),
      successful: z.boolean(),
      failed: z.boolean(),
      waiting: z.boolean(),
      completed_count: z.number(),
    })
    .partial()
    .optional(),
  sig: json.optional(),
  original: json.optional(),
  hooks: z.array(z.string()).optional(),
  min_elapsed_s: z.number().optional(),
});
const config = z.strictObject({ task_allow_error_cb_on_chord_header: z.boolean().optional() });

/** Fields of a case beside its run. A `protocol` case is prose for a test written by hand. */
const about = {
  id: z.string(),
  primitive: z.string().optional(),
  title: z.string().optional(),
  note: z.string().optional(),
  runnable: z.boolean().optional(),
};
const runnable = z.looseObject({
  ...about,
  kind: z.enum(["value", "error", "structure"]),
  given,
  expected,
  config: config.optional(),
});
const prose = z.looseObject({ ...about, kind: z.literal("protocol") });

export type Case = z.infer<typeof runnable>;
export type ProseCase = z.infer<typeof prose>;
export type Expected = Case["expected"];
/** A case that cannot be read. It is reported as failed, so that the others still run. */
export interface UnreadableCase {
  readonly kind: "unreadable";
  readonly id: string;
  readonly problem: string;
}

/** Reads the cases of a file. Throws when the file is not an array of cases with unique ids. */
export function readCases(file: string): readonly (Case | ProseCase | UnreadableCase)[] {
  const cases = z
    .array(z.looseObject({ id: z.string(), kind: z.string().optional() }))
    .parse(JSON.parse(readFileSync(file, "utf8")));
  const ids = cases.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`two cases of ${file} have the id ${twice}`);
  return cases.map((each) => readCase(each));
}
function readCase(each: {
  readonly id: string;
  readonly kind?: string | undefined;
  readonly runnable?: unknown;
}): Case | ProseCase | UnreadableCase {
  if (each.runnable === false) return { id: each.id, kind: "protocol" };
  const read = each.kind === "protocol" ? prose.safeParse(each) : runnable.safeParse(each);
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0] ?? { path: [], message: "unreadable" };
  return { kind: "unreadable", id: each.id, problem: `${path.join(".")}: ${message}` };
}
