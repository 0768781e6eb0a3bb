import * as z from "zod";
import { components, milliseconds } from "./schemas.ts";

const lockUser = z.object({
  runId: z.string(),
  task: z.string().optional(),
  since: milliseconds,
  attempt: z.int().optional().describe("Of a holder: the number of its claim"),
  mode: z.enum(["read", "write"]).optional().describe("Of a lock with readers and writers"),
});
const lock = z
  .object({
    kind: z.enum(["lock", "concurrency", "rate"]),
    key: z.string(),
    limit: z.int().optional().describe("Runs at the same time, or starts in a window. Absent on a lock"),
    per: z.int().optional().describe("Of a rate limit: seconds of a window"),
    started: z.int().optional().describe("Of a rate limit: starts in the present window"),
    nextAt: milliseconds.optional().describe("Of a rate limit without room: when a further run could start"),
    holders: z.array(lockUser).optional().describe("At most 100. A dead one is listed until its lease is over"),
    waiters: z.array(lockUser).optional().describe("The first ten"),
    waiting: z.int().optional().describe("How many runs wait"),
    more: z.literal(true).optional().describe("More runs wait than were counted"),
  })
  .register(components, { id: "Lock", description: "A lock, a concurrency limit or a rate limit that is in use" });
export const lockPage = z
  .object({
    items: z.array(lock),
    cursor: z.string().optional().describe("Present when more may follow: send it back as ?cursor"),
  })
  .register(components, { id: "LockPage" });
