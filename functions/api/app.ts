import { Hono } from "hono";
import { FanfoldError } from "../core/errors.ts";
import type { Dependencies } from "./dependencies.ts";
import { BodyRoom } from "./read-body.ts";
import { problemOf, problemResponse } from "./problem.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

/** Bytes of all bodies that are read at once. */
const BODY_BYTES = 128 * 1_024 * 1_024;

/** Returns the HTTP API: the route table over an engine. It is the same on one machine and on Lambda. */
export function createApp(deps: Dependencies): Hono {
  const app = new Hono();
  const room = new BodyRoom(deps.bodyBytes ?? BODY_BYTES);
  app.use(async (context, next) => {
    await next();
    // Answers contain runs, values and failures of the caller's work, so no proxy may store or reinterpret them.
    context.res.headers.set("Cache-Control", "no-store");
    context.res.headers.set("X-Content-Type-Options", "nosniff");
  });
  for (const [path, routes] of routesByPath()) {
    for (const route of routes)
      app.on(route.method, honoPath(path), (context) =>
        // Errors are caught here and not only in onError, because the code of workflows may throw strings, which
        // onError does not receive.
        answerError(async () => {
          const { principal } = deps.security.check(context.req.raw, { open: route.open ?? false });
          return route.answer(context.req.raw, context.req.param(), principal, deps, room);
        }, deps),
      );
    const methods = routes.map(({ method }) => method);
    app.all(honoPath(path), (context) => answerError(async () => refuseMethod(context.req.raw, methods, deps), deps));
  }
  app.notFound((context) => answerError(async () => refusePath(context.req.raw, deps), deps));
  app.onError((error) => answerError(() => Promise.reject(error), deps));
  return app;
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/**
 * Returns the routes of each path. A path without parameters comes before one that would match it too, so it answers
 * all methods itself.
 */
function routesByPath(): readonly (readonly [path: string, routes: readonly Route[]])[] {
  const paths = new Map<string, Route[]>();
  for (const route of ROUTES) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  const parameters = (path: string): number => path.split("{").length;
  return [...paths].toSorted(([a], [b]) => parameters(a) - parameters(b));
}

function refuseMethod(request: Request, methods: readonly string[], deps: Dependencies): Response {
  deps.security.check(request, { open: false });
  const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  return problemResponse(
    new FanfoldError(
      "method_not_allowed",
      `${request.method.slice(0, 20)} is not possible here; use ${allowed.join(" or ")}`,
    ),
    {
      Allow: allowed.join(", "),
    },
  );
}

function refusePath(request: Request, deps: Dependencies): never {
  deps.security.check(request, { open: false });
  throw new FanfoldError(
    "not_found",
    `there is no ${new URL(request.url).pathname.slice(0, 200)}; GET /openapi.json lists every route`,
  );
}

async function answerError(work: () => Promise<Response>, deps: Dependencies): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (problemOf(error).status >= 500) deps.report?.(error);
    return problemResponse(error);
  }
}
