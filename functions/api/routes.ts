import type { Route } from "./route.ts";
import { blobRoutes } from "./routes/blobs.ts";
import { failureRoutes } from "./routes/failures.ts";
import { groupRoute } from "./routes/groups.ts";
import { forgetRunRoute, identityRoute, scheduleRunRoute } from "./routes/identities.ts";
import { inputRoutes } from "./routes/input.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { pauseRoutes } from "./routes/pauses.ts";
import { queueRoute } from "./routes/queues.ts";
import { lockRoute } from "./routes/locks.ts";
import { reportRoute } from "./routes/reports.ts";
import { retryRoutes } from "./routes/retry.ts";
import { runRoutes } from "./routes/runs.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { healthRoute, metricsRoute, openApiRoute } from "./routes/server.ts";
import { statisticsRoutes } from "./routes/statistics.ts";
import { startJobRoute } from "./routes/start-job.ts";
import { startJobsRoute } from "./routes/start-jobs.ts";
import { waitRoute } from "./routes/waits.ts";
import { workflowRoutes } from "./routes/workflows.ts";

const described: readonly Route[] = [
  ...workflowRoutes,
  startJobRoute,
  startJobsRoute,
  ...jobRoutes,
  ...inputRoutes,
  ...runRoutes,
  groupRoute,
  reportRoute,
  ...failureRoutes,
  lockRoute,
  waitRoute,
  identityRoute,
  scheduleRunRoute,
  forgetRunRoute,
  ...retryRoutes,
  ...blobRoutes,
  ...scheduleRoutes,
  ...pauseRoutes,
  queueRoute,
  ...statisticsRoutes,
  healthRoute,
  metricsRoute,
];

/** The route table, with every route of the API. */
export const ROUTES: readonly Route[] = [...described, openApiRoute(described)];
