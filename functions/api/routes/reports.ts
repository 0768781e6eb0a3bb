import * as z from "zod";
import { jobIdOf, parseRunId } from "../../core/plan/run-id.ts";
import { ITEM_STATES } from "../../core/task/item-counts.ts";
import { cursorText, limit } from "../cursors.ts";
import { definedOf } from "../defined-of.ts";
import { invalid, route } from "../route.ts";
import { components, cursor, json } from "../schemas.ts";
import { jobIdParam, requireJob } from "./job-id.ts";
import { runIdParam } from "./runs.ts";

const report = z
  .object({
    runId: z.string(),
    position: z.int().describe("Place of the item among those that the run was given"),
    state: z.enum(ITEM_STATES),
    item: z.record(z.string(), json),
  })
  .register(components, { id: "Report" });
const reportPage = z.object({ items: z.array(report), cursor }).register(components, { id: "ReportPage" });

export const reportRoute = route({
  method: "GET",
  path: "/jobs/{id}/reports",
  operation: "listReports",
  summary: "What the path tasks of a job have streamed of their items",
  description:
    "Run by run, each in the order in which it was stored, also while the job goes on. Only tasks that stream their results are listed; others return their items as their value. A page may hold fewer than `limit`, or none, although more follow.",
  params: z.strictObject({ id: jobIdParam }),
  query: z.strictObject({
    run: runIdParam.optional().describe("Only the reports of this run"),
    limit,
    cursor: cursorText("^[0-9A-Za-z_.~-]+![0-9]{1,16}[.][0-9]{1,6}$"),
  }),
  replies: { 200: { description: "A page of them", schema: reportPage } },
  async handle({ params: { id }, query: { run, ...filter } }, { engine }) {
    await requireJob(id, engine);
    if (run !== undefined && (parseRunId(run) === undefined || jobIdOf(run) !== id))
      throw invalid("?run", `?run is the id of no run of job ${id}`);
    return Response.json(await engine.reports(id, definedOf({ ...filter, runId: run })));
  },
});
