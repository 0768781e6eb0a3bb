import { problemResponse } from "../../functions/api/problem.ts";
import type { Security } from "../../functions/api/security.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import type { Answering } from "./serve-page.ts";

/** Headers that mean something to the API. Those of the browser, its token included, stay here. */
const FORWARDED = ["Accept", "Content-Type", "Idempotency-Key"];
const RETURNED = ["Content-Type", "Link", "Location", "Retry-After", "Allow"];

export interface ProxyOptions {
  /** Address of the deployed API, its stage included. */
  readonly url: string;
  readonly sign: (request: Request) => Promise<Request>;
  readonly security: Security;
}
/** Passes the calls of a page on this machine on to a deployed API, signed with the caller's own credentials. */
export function proxy({ url, sign, security }: ProxyOptions): Answering {
  const base = url.replace(/\/+$/, "");
  return {
    async fetch(request) {
      try {
        security.check(request, { open: false });
        return await passOn(request, base, sign);
      } catch (error) {
        return problemResponse(error);
      }
    },
  };
}
async function passOn(request: Request, base: string, sign: ProxyOptions["sign"]): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = pick(request.headers, FORWARDED);
  const body = request.method === "GET" || request.method === "HEAD" ? null : await request.arrayBuffer();
  const signed = await sign(new Request(`${base}${pathname}${search}`, { method: request.method, headers, body }));
  const answer = await fetch(signed, { redirect: "error", signal: request.signal }).catch((cause: unknown) => {
    if (request.signal.aborted) throw cause;
    return noAnswer(base);
  });
  if (answer.status === 403 && !/problem\+json/.test(answer.headers.get("Content-Type") ?? "")) return refused(answer);
  const returned = pick(answer.headers, RETURNED);
  returned.set("Cache-Control", "no-store");
  returned.set("X-Content-Type-Options", "nosniff");
  return new Response(answer.body, { status: answer.status, headers: returned });
}
function pick(from: Headers, names: readonly string[]): Headers {
  return new Headers(
    names.flatMap((name): [string, string][] => {
      const value = from.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}
/** Status 502 tells the page that the API is lost, and not this proxy. */
async function noAnswer(base: string): Promise<Response> {
  const error = new FanfoldError("engine_unavailable", `${base} does not answer`, { retryable: true });
  const { body, headers } = problemResponse(error);
  return new Response(body, { status: 502, headers });
}
/** API Gateway refuses a caller in a form of its own. */
async function refused(answer: Response): Promise<Response> {
  const { message } = (await answer.json().catch(() => ({}))) as { message?: unknown };
  const why = typeof message === "string" ? message : "the caller may not do that";
  const { body, headers } = problemResponse(
    new FanfoldError("unauthorized", `AWS refuses your credentials: ${why}`.slice(0, 500)),
  );
  return new Response(body, { status: 403, headers });
}
