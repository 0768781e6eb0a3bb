import * as z from "zod";
import { FanfoldError } from "../../core/errors.ts";
import { parseRunId } from "../../core/run-id.ts";
import { route } from "../route.ts";
import { run } from "../schemas.ts";

export const runRoutes = [
  route({
    method: "GET",
    path: "/runs/{id}",
    operation: "getRun",
    summary: "One run",
    description: "Ids are made of letters, digits, `.` and `~`: they need no escaping in a URL.",
    params: z.strictObject({ id: z.string().max(2_000) }),
    replies: { 200: { description: "The run", schema: run } },
    async handle({ params: { id } }, { engine }) {
      const found = parseRunId(id) && (await engine.run(id));
      if (!found) throw new FanfoldError("run_not_found", `there is no run ${id.slice(0, 200)}; GET /jobs/{id}/runs lists the runs of a job`);
      return Response.json(found);
    },
  }),
];
