import * as z from "zod";
import { LIMITS } from "../../core/limits.ts";
import { PAUSE_KINDS } from "../../core/pause.ts";
import { route } from "../route.ts";
import { components, milliseconds } from "../schemas.ts";

const kind = z.enum(PAUSE_KINDS);
const params = z.strictObject({ kind, name: z.string().min(1).max(LIMITS.nameCharacters) });
const pause = z
  .object({
    kind,
    name: z.string(),
    state: z
      .enum(["pausing", "paused", "resuming"])
      .describe("pausing: what started before may still run. resuming: what was parked is being sent"),
    at: milliseconds,
    origin: z.enum(["api", "config"]).describe("config: `process: false` of a site"),
  })
  .register(components, { id: "Pause", description: "What keeps runs from starting" });

export const pauseRoutes = [
  route({
    method: "GET",
    path: "/pauses",
    operation: "listPauses",
    summary: "What is paused, except for jobs, whose state says so",
    replies: {
      200: {
        description: "All pauses",
        schema: z.object({ items: z.array(pause) }).register(components, { id: "Pauses" }),
      },
    },
    handle: async (_call, { engine }) => Response.json({ items: await engine.pauses() }),
  }),
  route({
    method: "PUT",
    path: "/pauses/{kind}/{name}",
    operation: "pause",
    summary: "Pause a job, a queue, a site or a task",
    description:
      "Nothing of it starts until it is resumed, and what runs goes on. A server on AWS may start runs for 5 more seconds. Idempotent.",
    params,
    replies: { 200: { description: "The pause", schema: pause } },
    handle: async ({ params: target }, { engine }) => Response.json(await engine.pause(target)),
  }),
  route({
    method: "DELETE",
    path: "/pauses/{kind}/{name}",
    operation: "resume",
    summary: "Resume a job, a queue, a site or a task",
    description: "What was parked is sent to its queues.",
    params,
    replies: {
      200: {
        description: "Whether it was paused",
        schema: z.object({ resumed: z.boolean().describe("false: nothing was paused") }),
      },
    },
    handle: async ({ params: target }, { engine }) => Response.json({ resumed: await engine.resume(target) }),
  }),
];
