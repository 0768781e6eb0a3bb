import type * as z from "zod/v4/core";
import { jsonPointer } from "../core/json-pointer.ts";

/** Returns the first problem that a schema found, with the JSON pointer of its place. */
export function describeIssue(error: z.$ZodError, base = ""): { readonly field: string; readonly message: string } {
  const issue = error.issues[0];
  if (issue === undefined) return { field: base, message: "is not accepted" };
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : "";
  return { field: jsonPointer(path, base), message: `${issue.message}${more}` };
}
