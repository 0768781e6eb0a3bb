import type { TaskCall } from "../../core/task/invocation.ts";
import { requireCall } from "../../sdk/current-task.ts";
import { isHandedOver, pathAt, type PathObject } from "../status/path-payload.ts";
import { streamOfCall } from "../status/streams.ts";
import type { PathIterable } from "./path-iterable.ts";
import { isList, type PathSource } from "./path-source.ts";

/**
 * Yields the items of a path task one by one, wherever they are: a list, stored pages, or an iterable of the task's own.
 * Pages are read as they are needed, one ahead. So a million items take the memory of two pages, unless the task keeps
 * them: do not collect them.
 *
 * In a task that streams its results, `expandPaths` of its `inputPaths` leaves out what earlier attempts have reported,
 * unless the task has a DynamicSubmitter, which must be told of all items.
 * @throws FanfoldError `outside_task`; `invalid_payload` for an item without a path
 * @example for await (const { path } of expandPaths(paths)) await status.add("processed", path);
 */
export async function* expandPaths(source: PathSource | PathIterable): AsyncGenerator<PathObject, void, undefined> {
  const call = requireCall("expandPaths()");
  const stream = streamOfCall(call);
  const reporter = stream?.inputPaths === source ? stream : undefined;
  const start = await reporter?.whenOpen();
  let position = 0;
  for await (const page of oneAhead(pagesOf(call, source))) {
    for (const given of page) {
      const at = position++;
      if (start?.isReported(at)) continue;
      const item = pathAt(typeof given === "string" ? { path: given } : given, `/paths/${at}`);
      reporter?.yielded(at, item);
      yield item;
    }
  }
}
type Page = readonly (string | PathObject)[];

async function* pagesOf(call: TaskCall, source: PathSource | PathIterable): AsyncGenerator<Page, void, undefined> {
  if (isList(source as PathSource)) yield source as Page;
  else if (Symbol.asyncIterator in source || Symbol.iterator in source) {
    for await (const item of source as PathIterable) yield [item];
  } else if ("$reports" in source)
    for await (const page of call.services.reports(source.$reports))
      yield page.flatMap(({ state, item }) => (isHandedOver(state) ? [item as unknown as PathObject] : []));
  else if ("$joined" in source) for (const part of source.$joined) yield* pagesOf(call, part);
}
/** Asks for each page while the one before it is used. */
async function* oneAhead(pages: AsyncGenerator<Page, void, undefined>): AsyncGenerator<Page, void, undefined> {
  let next = pages.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = pages.next();
      // An error belongs to the item that it comes before.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await pages.return(undefined).catch(() => undefined);
  }
}
