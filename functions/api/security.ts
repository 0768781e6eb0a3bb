import { createHash, timingSafeEqual } from "node:crypto";
import { FanfoldError } from "../core/errors.ts";

/**
 * Decides who may call. The dev server checks callers itself. On AWS, API Gateway has authorised the caller before the
 * Lambda function runs.
 */
export interface Security {
  /** Returns the caller, or throws `forbidden_origin` or `unauthorized`. `open` marks a route that needs no token. */
  check(request: Request, route: { readonly open: boolean }): { readonly principal: string };
}

export interface LoopbackOptions {
  /** Returns the port of the server. A function, because port 0 is resolved only once the server listens. */
  readonly port: () => number;
  /** Required token. Undefined requires none; Host and Origin are checked anyway. */
  readonly token: string | undefined;
}

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Returns the checks of a server on this machine. Any web page can make a browser send requests to 127.0.0.1, so three
 * things are checked.
 * - Host must be a loopback name with our port. A page that rebound its own name to 127.0.0.1 still sends that name.
 * - Origin, which browsers add to requests of scripts to other sites, must be absent or our own. We send no CORS
 *   headers.
 * - The token can be read only by users who can read the data folder.
 */
export function loopbackSecurity(options: LoopbackOptions): Security {
  const expected = options.token === undefined ? undefined : digest(options.token);
  return {
    check(request, route) {
      checkHost(request, options.port());
      if (expected !== undefined && !route.open) checkToken(request, expected);
      return { principal: "local" };
    },
  };
}

function checkHost(request: Request, port: number): void {
  const host = (request.headers.get("Host") ?? new URL(request.url).host).toLowerCase();
  // Browsers omit port 80 from Host.
  const hosts = LOOPBACK_NAMES.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  if (!hosts.includes(host)) {
    throw new FanfoldError(
      "forbidden_origin",
      `this server answers to 127.0.0.1:${port} and localhost:${port} only; the Host header names another`,
    );
  }
  const origin = request.headers.get("Origin");
  if (origin !== null && origin.toLowerCase() !== `http://${host}`) {
    throw new FanfoldError("forbidden_origin", "requests from web pages of another origin are refused");
  }
}

function checkToken(request: Request, expected: Buffer): void {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
  if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
  const problem = given === undefined ? "is missing" : "is wrong, perhaps of an earlier start";
  throw new FanfoldError(
    "unauthorized",
    `the token ${problem}: send "Authorization: Bearer <token>" with the token of server.json in the data folder`,
  );
}

/** Returns a digest, which always has the same length, so that the comparison takes constant time. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Returns a security that admits every caller, for a server behind another guard and for tests. */
export function noSecurity(principal = "local"): Security {
  return { check: () => ({ principal }) };
}
