import * as z from "zod";

const items = z.int();
/** Items of path tasks by state. */
export const itemCounts = z
  .object({
    processed: items,
    skipped: items,
    failures: items,
    aborted: items,
    inprogress: items,
  })
  .describe("Items of path tasks, by the state in which the last step left them. Absent when no task has counted any");
