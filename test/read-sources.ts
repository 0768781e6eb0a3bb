import { pathToFileURL } from "node:url";
import { join } from "node:path";

/** Arguments with which Node reads sources, in a process that a test starts. */
export const READ_SOURCES = ["--import", pathToFileURL(join(import.meta.dirname, "tsx-cached.mjs")).href];
