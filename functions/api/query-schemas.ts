import * as z from "zod";
import { LIMITS } from "../core/limits.ts";
import { readStamp, type Stamp, stampFilter } from "../core/plan/stamps.ts";
import { documentation } from "./schemas.ts";

/** A flag in a query. `?flag`, `?flag=true` and `?flag=1` turn it on. */
export const flag = z
  .enum(["", "true", "1", "false", "0"])
  .optional()
  .transform((text) => text === "" || text === "true" || text === "1");
/** Returns the schema of a whole number in a query or path, which are text. */
export function wholeNumber(from: number, to: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(from).max(to))
    .register(documentation, { schema: { type: "integer", minimum: from, maximum: to } });
}
/** A stamp in a query, written `name:value`. */
export const stamp = z
  .string()
  .max(4_096)
  .transform((text, issues): Stamp => {
    const read = readStamp(text, ":");
    if (read === undefined)
      issues.addIssue({
        code: "custom",
        message: "write it as name:value; the value is JSON where it is JSON, else text",
      });
    return read ?? { name: "", value: null };
  })
  .register(documentation, {
    schema: {
      type: "string",
      pattern: "^[^:]+:",
      description: "`name:value`; the value is JSON where it is JSON, else text",
    },
  });
export const stamps = z.array(stamp).max(LIMITS.revokedStamps).transform(stampFilter).optional();
