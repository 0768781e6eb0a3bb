import * as z from "zod";
import { components, milliseconds } from "./schemas.ts";

const count = z.int().min(0);
const perSecond = z.number().min(0);
/** What queues and sites have in common. */
export const speed = {
  runsPerSecond: perSecond.describe("Runs that ended, in the last five minutes. Approximate"),
  workers: count.describe("Processes that were seen to work in the last five minutes. Approximate"),
};
const figures = z
  .object({
    seconds: z.number().describe("Length of the span"),
    counts: z
      .object({ success: count, skipped: count, error: count, broken: count, cancelled: count })
      .describe("Runs by the way they ended"),
    retried: count.describe("Attempts that failed and are tried again"),
    killed: count.describe("Attempts whose worker died, or lost its lease"),
    perSecond: perSecond.describe("Runs that ended, by second"),
    successRate: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe("Share that ended well, without cancelled runs. Absent when there are none"),
    meanSeconds: z.number().optional().describe("Mean duration of an attempt"),
    busy: z.number().describe("Attempts that executed at once, on average"),
    bytes: z.number().describe("Of all results as JSON"),
    meanBytes: z.number().optional().describe("By run that ended well"),
  })
  .register(components, { id: "TaskFigures" });
const taskStatistics = z
  .object({
    task: z.string(),
    site: z.string().optional().describe("The site that was asked for"),
    since: milliseconds.describe("When the task was first counted"),
    recent: figures.describe("The present minute, and the four before"),
    life: figures,
  })
  .register(components, { id: "TaskStatistics" });
export const statisticsPage = z
  .object({
    items: z.array(taskStatistics),
    cursor: z.string().optional(),
    approximate: z.literal(true).describe("Each process adds up what it sees, and a killed one loses 5 seconds"),
    job: z
      .object({
        jobId: z.string(),
        state: z.string(),
        ended: count.describe("Task runs that have ended"),
        planned: count.describe("Task runs known so far"),
        perSecond,
        secondsLeft: z
          .number()
          .optional()
          .describe("At the speed that the job had so far. Absent before a run has ended, and while it is paused"),
      })
      .optional()
      .describe("The job that was asked for"),
  })
  .register(components, { id: "StatisticsPage" });
export const site = z
  .object({
    site: z.string(),
    queues: z.array(z.string()),
    queued: count.optional().describe("Messages that wait in its queues. Absent when a depth is unknown"),
    inFlight: count.optional().describe("Messages that were received. On AWS both are approximate"),
    started: count.optional().describe("Runs that hold a lease now. Only on one machine"),
    ...speed,
    paused: z.boolean(),
    process: z.boolean().describe("false: the configuration leaves its work parked (`process: false`)"),
  })
  .register(components, { id: "Site" });
