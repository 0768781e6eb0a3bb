import { problemResponse } from "../../functions/api/problem.ts";
import type { Security } from "../../functions/api/security.ts";
import { type PageFiles, pageFiles } from "./page-files.ts";

/** What answers requests: the API, or a proxy of one. */
export interface Answering {
  fetch(request: Request): Response | Promise<Response>;
}

/**
 * Nothing but files of this origin. Styles are set by scripts on elements, which this policy allows; styles and scripts
 * in markup are refused.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const HEADERS = {
  "Content-Security-Policy": POLICY,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
/** Files of the page. Everything else belongs to the API. */
const PAGE = /^\/(|icon\.svg|assets\/[\w.-]+)$/;

/**
 * Puts the page of the dashboard in front of an API. Its files need no token, because they hold no data; Host and
 * Origin are checked as for the API. The page is built when it is asked for the first time.
 */
export function withPage(api: Answering, security: Security): Answering {
  let files: Promise<PageFiles> | undefined;
  return {
    async fetch(request) {
      const path = new URL(request.url).pathname;
      if (!PAGE.test(path) || (request.method !== "GET" && request.method !== "HEAD")) return api.fetch(request);
      try {
        security.check(request, { open: true });
        files ??= pageFiles();
        return answer(await files, path, request.method);
      } catch (error) {
        files = undefined;
        return problemResponse(error);
      }
    },
  };
}
function answer(files: PageFiles, path: string, method: string): Response {
  const file = files.get(path);
  const headers = new Headers(HEADERS);
  if (file === undefined) {
    headers.set("Content-Type", "text/plain; charset=utf-8");
    return new Response("There is no such file. Load the page again.\n", { status: 404, headers });
  }
  headers.set("Content-Type", file.type);
  headers.set("Cache-Control", file.lasting ? "public, max-age=31536000, immutable" : "no-cache");
  return new Response(method === "HEAD" ? null : file.body, { headers });
}

/** Returns the link that signs in. No browser sends the part behind `#` to a server. */
export function signInLink(url: string, token: string | undefined): string {
  return token === undefined ? `${url}/` : `${url}/#token=${token}`;
}
