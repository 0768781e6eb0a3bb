import type * as z from "zod/v4/core";
import { jsonPointer } from "../core/json-pointer.ts";

/** The first thing that a schema found wrong, with the pointer of where. */
export function describeIssue(error: z.$ZodError, base = ""): { readonly field: string; readonly message: string } {
  const issue = error.issues[0];
  if (issue === undefined) return { field: base, message: "is not accepted" };
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : "";
  return { field: jsonPointer(path, base), message: `${issue.message}${more}` };
}
