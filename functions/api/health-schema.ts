import * as z from "zod";
import { components } from "./schemas.ts";

const messages = z.int().min(0);
export const healthReason = z
  .enum(["store_unwritable", "no_worker"])
  .register(components, { id: "HealthReason", description: "Why a server is degraded" });
export const health = z
  .object({
    status: z.enum(["ok", "degraded"]),
    version: z.string(),
    reasons: z.array(healthReason).describe("Empty when the status is ok"),
    store: z.object({ writable: z.boolean(), why: z.string().optional().describe("Why it is not writable") }),
    workers: z
      .object({ total: z.int(), ready: z.int(), restarts: z.int().describe("Since the start of the server") })
      .optional()
      .describe("Processes that run tasks. Absent where the platform starts them"),
    slots: z
      .object({ total: z.int(), busy: z.int() })
      .optional()
      .describe("Places for running tasks in all workers. Busy ones are no fault"),
    queues: z.record(
      z.string(),
      z.object({
        ready: messages,
        delayed: messages,
        inFlight: messages,
        oldestSeconds: z.number().optional().describe("Age of the oldest ready message, from when it was sent"),
        started: messages.optional().describe("Runs of the queue that hold a lease"),
      }),
    ),
  })
  .register(components, { id: "Health" });
