import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { isGroupStep, type ItemChunks, type Strand } from "../../core/plan/plan.ts";
import { itemProblem } from "../../core/task/path-item.ts";
import type { Context } from "../context.ts";
import { withPaths } from "../plan/chunk-strand.ts";
import { compileChild } from "../plan/compile-child.ts";
import type { ItemsRequest } from "../requests.ts";

const DEFAULT_CHUNK = 40;
/** JSON of what runs for each chunk. A page has it once for each of up to 4,096 chunks. */
const MOST_CHARACTERS = 16 * 1_024;

/** Reads what becomes of the items of an open job. Throws `invalid_request`, `payload_too_large`, `unknown_task`. */
export function chunksOf(context: Context, { each, chunkSize = DEFAULT_CHUNK }: ItemsRequest): ItemChunks {
  if (!Number.isSafeInteger(chunkSize) || chunkSize < 1 || chunkSize > LIMITS.pageItems)
    throw invalid("/chunkSize", `must be a whole number from 1 to ${LIMITS.pageItems}`);
  const strand = compileChild(context, each, "/each");
  const [first] = strand;
  if (!first || isGroupStep(first) || first.each || !context.registry.info(first.task)?.paths)
    throw invalid("/each", "must begin with a path task, which is given the items as `paths`");
  if (first.kwargs?.["paths"] !== undefined)
    throw invalid("/each/kwargs/paths", "must not be given: the items of the input take its place");
  const size = JSON.stringify(strand).length;
  if (size > MOST_CHARACTERS)
    throw new FanfoldError("payload_too_large", `/each has ${size} characters of JSON, at most ${MOST_CHARACTERS}`, {
      details: { field: "/each", limit: MOST_CHARACTERS },
    });
  return { each: strand, size: chunkSize };
}
/** Returns the members of a page of items: a strand for each chunk. Throws `invalid_request` for what is no item. */
export function chunkStrands({ each, size }: ItemChunks, items: readonly Json[]): readonly Strand[] {
  for (const [k, item] of items.entries()) {
    const wrong = itemProblem(item);
    if (wrong) throw invalid(`/${k}${wrong.at}`, wrong.problem);
  }
  return Array.from({ length: Math.ceil(items.length / size) }, (_, chunk) =>
    withPaths(each, items.slice(chunk * size, (chunk + 1) * size)),
  );
}
function invalid(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_request", `${field} ${problem}`, { details: { field } });
}
