import * as z from "zod";
import { route } from "../route.ts";
import { components } from "../schemas.ts";
import { speed } from "../statistics-schemas.ts";

const messages = z.int().min(0);
const queue = z
  .object({
    name: z.string(),
    depth: z
      .object({
        ready: messages,
        delayed: messages,
        inFlight: messages.describe("Received and not acknowledged. On AWS all three are approximate"),
      })
      .optional()
      .describe("Messages in the queue. Absent when that is unknown"),
    oldestSeconds: z.number().optional().describe("Age of the oldest ready message. Only on one machine"),
    started: z.int().optional().describe("Runs that hold a lease now. Only on one machine"),
    ...speed,
    messagesPerSecond: z.number().describe("Messages that were handled. One may carry many runs"),
    drainSeconds: z
      .number()
      .optional()
      .describe("Until the ready messages are handled at this speed. Absent while paused, and when nothing tells"),
    paused: z.boolean().describe("Whether the queue, or its site, is paused"),
    parked: messages.describe("Messages that a pause of the queue, its site or a task holds; not those of paused jobs"),
    parkedMore: z.literal(true).optional().describe("There are more parked messages than were counted"),
    cap: z
      .int()
      .min(1)
      .optional()
      .describe("Ready messages and those in flight that the queue takes. Absent: any number"),
    backlog: z
      .int()
      .min(0)
      .optional()
      .describe("Runs that wait to be admitted. Only of a queue that has, or had, a cap"),
    backlogMore: z.literal(true).optional().describe("There are more runs in the backlog than were counted"),
  })
  .register(components, { id: "Queue" });

export const queueRoute = route({
  method: "GET",
  path: "/queues",
  operation: "listQueues",
  summary: "What waits in each queue, and what a pause holds",
  replies: {
    200: {
      description: "All queues",
      schema: z.object({ items: z.array(queue) }).register(components, { id: "Queues" }),
    },
  },
  async handle(_call, { engine, health }) {
    const { queues: known } = await health();
    const items = await engine.queues(Object.keys(known));
    return Response.json({
      items: items.map((view) => {
        const { oldestSeconds, started } = known[view.name] ?? {};
        return {
          ...view,
          ...(oldestSeconds !== undefined && { oldestSeconds }),
          ...(started !== undefined && { started }),
        };
      }),
    });
  },
});
