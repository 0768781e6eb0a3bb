import { canvasOf } from "../core/canvas/canvas-of.ts";
import { encodeCanvas } from "../core/canvas/canvas-wire.ts";
import { FanfoldError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { CanvasSource } from "../sdk/builder-types.ts";
import { ask, type ClientOptions, errorOf, type ProblemDocument } from "./transport.ts";
import type { JsonObject, StartOptions, Submitted } from "./types.ts";

/** One start of many: a canvas, or a workflow with its fields. Without a key of its own it is given a random one. */
export type BatchedStart = StartOptions &
  ({ readonly canvas: CanvasSource } | { readonly workflow: string; readonly fields?: JsonObject });
/** What became of one start of many: its job, or the error that `submit` would have thrown. */
export type StartOutcome = {
  /** The key of the start. With it the start may be repeated. */
  readonly idempotencyKey: string;
} & (Submitted | { readonly error: FanfoldError });

/** The calls that start many jobs at once. */
export interface BatchCalls {
  /**
   * Starts many jobs, in requests of at most 1,000 one after the other. Returns an outcome for each, in order, and throws
   * for none of them. To repeat a start is harmless as long as it has the same key.
   * @example
   * const outcomes = await client.submitMany(orders.map((id) => ({ canvas: pay.s(id), idempotencyKey: id })));
   */
  submitMany(starts: Iterable<BatchedStart>): Promise<readonly StartOutcome[]>;
  /** Starts what lines of a batch say (`POST /jobs:batch`), of unknown origin. The server checks them. */
  submitManyWire(lines: Iterable<JsonObject>): Promise<readonly StartOutcome[]>;
}

interface Line {
  readonly idempotencyKey: string;
  readonly text: string;
}
interface Answer {
  readonly items: readonly (Submitted | { readonly error: ProblemDocument })[];
}
/** Bytes of one request. More gain nothing, and an answer that is lost would be about more jobs. */
const REQUEST_BYTES = 2 * 1_024 * 1_024;

export function batchCalls(options: ClientOptions): BatchCalls {
  const start = async (lines: Iterable<JsonObject>): Promise<readonly StartOutcome[]> => {
    const outcomes: StartOutcome[] = [];
    for (const request of requestsOf(lines)) outcomes.push(...(await startLines(options, request)));
    return outcomes;
  };
  return {
    submitMany: (starts) => start(linesOf(starts)),
    submitManyWire: start,
  };
}

function* linesOf(starts: Iterable<BatchedStart>): Generator<JsonObject> {
  for (const { idempotencyKey, timeoutSeconds, ...work } of starts)
    yield {
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...("canvas" in work ? { canvas: encodeCanvas(canvasOf(work.canvas)) } : work),
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    };
}
/** Yields the lines of one request after the other. */
function* requestsOf(lines: Iterable<JsonObject>): Generator<readonly Line[]> {
  let request: Line[] = [];
  let bytes = 0;
  for (const line of lines) {
    const given = line["idempotencyKey"];
    // A key of another type is refused by the server.
    const idempotencyKey = typeof given === "string" ? given : crypto.randomUUID();
    const text = JSON.stringify({ idempotencyKey, ...line });
    if (request.length === LIMITS.batchStarts || (request.length > 0 && bytes + text.length > REQUEST_BYTES)) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push({ idempotencyKey, text });
    bytes += text.length + 1;
  }
  if (request.length > 0) yield request;
}
async function startLines(options: ClientOptions, lines: readonly Line[]): Promise<StartOutcome[]> {
  try {
    const response = await ask(options, "/jobs:batch", { method: "POST", lines: lines.map(({ text }) => text) });
    const { items } = (await response.json()) as Answer;
    return lines.map(({ idempotencyKey }, k) => ({ idempotencyKey, ...outcomeOf(items[k]) }));
  } catch (error) {
    // The request as a whole failed, so nothing is known of any line.
    if (!(error instanceof FanfoldError)) throw error;
    return lines.map(({ idempotencyKey }) => ({ idempotencyKey, error }));
  }
}
function outcomeOf(item: Answer["items"][number] | undefined): Submitted | { readonly error: FanfoldError } {
  if (item && "jobId" in item) return item;
  return { error: errorOf(item?.error ?? {}, item?.error.status ?? 200) };
}
