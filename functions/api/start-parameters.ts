import * as z from "zod";
import { documentation } from "./schemas.ts";

export const timeoutSeconds = z
  .number()
  .positive()
  .max(365 * 86_400)
  .optional()
  .describe("Seconds until the job is timed-out");
export const secondsPerTask = z
  .string()
  .regex(/^[\d.eE+-]+$/, "must be a number of seconds")
  .transform(Number)
  .pipe(z.number().min(0).max(1e9))
  .optional()
  .register(documentation, {
    schema: { type: "number", minimum: 0, maximum: 1e9, description: "With ?plan: assumed of every task; default 0.1" },
  });
