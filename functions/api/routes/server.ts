import * as z from "zod";
import { openApiDocument } from "../openapi.ts";
import { route, type Route } from "../route.ts";
import { health } from "../schemas.ts";

export const healthRoute = route({
  method: "GET",
  path: "/health",
  operation: "health",
  summary: "Whether the server answers",
  open: true,
  replies: { 200: { description: "It does", schema: health } },
  handle: async (_call, { version }) => Response.json({ status: "ok", version }),
});

/** Returns the route that describes `routes` and itself. */
export function openApiRoute(routes: readonly Route[]): Route {
  const own: Route = route({
    method: "GET",
    path: "/openapi.json",
    operation: "openApi",
    summary: "This description",
    open: true,
    replies: { 200: { description: "OpenAPI 3.1", schema: z.object({ openapi: z.string() }) } },
    handle: async (_call, { version }) => Response.json(openApiDocument([...routes, own], version)),
  });
  return own;
}
