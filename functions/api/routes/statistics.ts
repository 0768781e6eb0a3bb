import * as z from "zod";
import { LIMITS } from "../../core/limits.ts";
import { statisticsCursor } from "../cursors.ts";
import { definedOf } from "../defined-of.ts";
import { route } from "../route.ts";
import { components } from "../schemas.ts";
import { wholeNumber } from "../query-schemas.ts";
import { site, statisticsPage } from "../statistics-schemas.ts";
import { jobIdParam, requireJob } from "./job-id.ts";

const name = z.string().min(1).max(LIMITS.nameCharacters);

export const statisticsRoutes = [
  route({
    method: "GET",
    path: "/stats",
    operation: "listStatistics",
    summary: "Statistics by task: counts, speed, durations and sizes, of the last five minutes and of all time",
    description:
      "All numbers are approximate. A task is listed once a run of it has ended. A page may be empty although more follow: ask until there is no cursor.",
    query: z.strictObject({
      task: name.optional(),
      site: name.optional().describe("Counts only what ran at this site"),
      job: jobIdParam.optional().describe("Tells also how far this job is, and how long it takes"),
      limit: wholeNumber(1, 100).optional(),
      cursor: statisticsCursor,
    }),
    replies: { 200: { description: "A page of them", schema: statisticsPage } },
    async handle({ query }, { engine }) {
      if (query.job !== undefined) await requireJob(query.job, engine);
      return Response.json(await engine.statistics(definedOf(query)));
    },
  }),
  route({
    method: "GET",
    path: "/sites",
    operation: "listSites",
    summary: "Sites with their queues, workers and work",
    replies: {
      200: {
        description: "All sites",
        schema: z.object({ items: z.array(site) }).register(components, { id: "Sites" }),
      },
    },
    async handle(_call, { engine, health }) {
      const { queues: known } = await health();
      const items = await engine.sites(Object.keys(known));
      return Response.json({
        items: items.map((view) => {
          const started = view.queues.flatMap((queue) => known[queue]?.started ?? []);
          const all = view.queues.length > 0 && started.length === view.queues.length;
          return { ...view, ...(all && { started: started.reduce((sum, runs) => sum + runs, 0) }) };
        }),
      });
    },
  }),
];
