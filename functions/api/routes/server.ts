import * as z from "zod";
import { FanfoldError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Health } from "../dependencies.ts";
import { openApiDocument } from "../openapi.ts";
import { route, type Route } from "../route.ts";
import { health, type healthReason } from "../health-schema.ts";

export const healthRoute = route({
  method: "GET",
  path: "/health",
  operation: "health",
  summary: "Whether the server can store and do work",
  description:
    "Needs no token. A degraded server answers 503 with the code `degraded`, and `details` has the same form.",
  open: true,
  replies: { 200: { description: "It can", schema: health } },
  async handle(_call, deps) {
    const known = await deps.health();
    const reasons = reasonsOf(known);
    const answer = { status: reasons.length === 0 ? "ok" : "degraded", version: deps.version, reasons, ...known };
    if (reasons.length === 0) return Response.json(answer);
    throw new FanfoldError("degraded", `the server is degraded: ${reasons.map((reason) => SAYS[reason]).join("; ")}`, {
      retryable: true,
      details: answer as unknown as JsonObject,
    });
  },
});

/** Counts name tasks and queues, so the route needs a token. */
export const metricsRoute = route({
  method: "GET",
  path: "/metrics",
  operation: "metrics",
  summary: "What was counted since the start of the server, in the text form of Prometheus",
  description: "Refused on AWS, where the functions publish their metrics to CloudWatch.",
  replies: { 200: { description: "The metrics", type: "text/plain", schema: z.string() } },
  async handle(_call, { metrics }) {
    if (!metrics) throw new FanfoldError("metrics_elsewhere", "this deployment publishes its metrics to CloudWatch");
    return new Response(await metrics(), { headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" } });
  },
});

const SAYS = {
  store_unwritable: "nothing can be stored",
  no_worker: "every worker process has died, and the next is not ready",
} as const satisfies Readonly<Record<z.output<typeof healthReason>, string>>;

/** A worker that has not died yet is starting, and full slots are work. Neither is a fault. */
function reasonsOf({ store, workers }: Health): (keyof typeof SAYS)[] {
  const noWorker = workers !== undefined && workers.total > 0 && workers.ready === 0 && workers.restarts > 0;
  return [...(store.writable ? [] : (["store_unwritable"] as const)), ...(noWorker ? (["no_worker"] as const) : [])];
}

/** Returns the route that describes `routes` and itself. */
export function openApiRoute(routes: readonly Route[]): Route {
  // The document is the same for every caller, and takes tens of milliseconds to make.
  let document: object | undefined;
  const own: Route = route({
    method: "GET",
    path: "/openapi.json",
    operation: "openApi",
    summary: "This description",
    open: true,
    replies: { 200: { description: "OpenAPI 3.1", schema: z.object({ openapi: z.string() }) } },
    handle: async (_call, { version }) => Response.json((document ??= openApiDocument([...routes, own], version))),
  });
  return own;
}
