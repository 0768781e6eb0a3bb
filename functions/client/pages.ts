import type { Page } from "./types.ts";

/**
 * A list that is read page by page. `await` gives its first page, and `for await` all of its items, each page when it is
 * needed.
 * @example for await (const job of client.jobs({ state: "failure" })) console.log(job.jobId);
 */
export interface Pages<Item, Of extends Page<Item> = Page<Item>> extends Promise<Of>, AsyncIterable<Item> {}

/** Returns a list whose first page is asked for at once. `read` is given the cursor of a page. */
export function pages<Item, Of extends Page<Item>>(
  read: (cursor: string | undefined) => Promise<Of>,
  start?: string,
): Pages<Item, Of> {
  const first = read(start);
  return Object.assign(first, {
    async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
      for (let page = await first; ; page = await read(page.cursor)) {
        yield* page.items;
        if (page.cursor === undefined) return;
      }
    },
  });
}
