import type { PathObject } from "../status/path-payload.ts";

/** Items that code of a task makes itself. */
export type PathIterable = AsyncIterable<string | PathObject> | Iterable<string | PathObject>;
