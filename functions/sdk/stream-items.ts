import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { Json } from "../core/json.ts";
import { OutcomeError } from "../core/task/error-data.ts";
import type { StreamItem, TaskCall, TaskOutcome } from "../core/task/invocation.ts";
import type { StopSignal } from "../core/task/stop-signal.ts";
import { raceAbort } from "./abort-race.ts";
import { canvasOf, type CanvasSource } from "./canvas-builder.ts";
import type { AttemptWaits } from "./attempt-waits.ts";
import { withCall } from "./current-task.ts";
import { outcomeOf } from "./outcome-of.ts";
import type { CursorItem } from "./task-context.ts";

/**
 * Yields the checked items of a streaming task, one at a time and on demand. Throws only OutcomeError, which carries
 * how the attempt ended. When the reader stops early, the `finally` blocks of the task run. After an abort the task is
 * left behind instead.
 */
export async function* streamItems(
  source: AsyncIterator<unknown>,
  call: TaskCall,
  waits: AttemptWaits,
): AsyncGenerator<StreamItem, Json | undefined, undefined> {
  const { signal, services } = call;
  let ended = false;
  let pulling: Promise<unknown> | undefined;
  try {
    while (true) {
      const next = await raceAbort(signal, async () => {
        const next = withCall(call, () => pull(source, () => (ended = true)));
        pulling = next;
        return next;
      });
      pulling = undefined;
      // The task continued although an event is missing.
      const deferral = waits.open ? await raceAbort(signal, () => waits.deferral()) : undefined;
      if (deferral) throw new OutcomeError(deferral);
      if (next.done === true)
        return next.value === undefined ? undefined : toJson(next.value, "the result of the task");
      yield streamItem(next.value);
    }
  } catch (thrown) {
    if (signal.aborted && pulling) services.leave(pulling);
    throw new OutcomeError((await deferralOf(waits, signal)) ?? outcomeOf(thrown, signal));
  } finally {
    if (!ended) await withCall(call, () => stop(source, signal));
  }
}

async function deferralOf(waits: AttemptWaits, signal: StopSignal): Promise<TaskOutcome | undefined> {
  try {
    return await raceAbort(signal, () => waits.deferral());
  } catch {
    return undefined; // Aborted: outcomeOf reports the reason.
  }
}

/** Reads the next item. A source that has thrown has ended, like one that has returned. */
async function pull(source: AsyncIterator<unknown>, onEnd: () => void): Promise<IteratorResult<unknown, unknown>> {
  try {
    const next = await source.next();
    if (next.done === true) onEnd();
    return next;
  } catch (thrown) {
    onEnd();
    throw thrown;
  }
}

async function stop(source: AsyncIterator<unknown>, signal: StopSignal): Promise<void> {
  try {
    await raceAbort(signal, async () => source.return?.());
  } catch {
    // The outcome of the attempt is decided, so a failing clean-up cannot change it.
  }
}

/** Marks what a generator yields for the steps behind its task, in place of a canvas: the items of one child. */
export const NEXT_STEP = Symbol.for("fanfold.nextStep");

function streamItem(yielded: unknown): StreamItem {
  const next = (yielded as { readonly [NEXT_STEP]?: StreamItem } | null | undefined)?.[NEXT_STEP];
  if (next) return next;
  if (isCursorItem(yielded)) return { canvas: canvasOf(yielded.item), cursor: yielded.cursor };
  if (yielded === undefined)
    throw new FanfoldError(
      "invalid_canvas",
      "a streaming task yielded undefined: yield a signature, or ctx.at(cursor, signature)",
    );
  return { canvas: canvasOf(yielded as CanvasSource) };
}
function isCursorItem(value: unknown): value is CursorItem {
  return typeof value === "object" && value !== null && "cursor" in value && "item" in value;
}
