import { createHash, timingSafeEqual } from "node:crypto";
import { FanfoldError } from "../core/errors.ts";

/** Who may call. The dev server guards itself; in front of the Lambda stands API Gateway, which has already authorised the caller. */
export interface Security {
  /** Throws `forbidden_origin` or `unauthorized`; otherwise says who calls. `open`: the route asks for no token. */
  check(request: Request, route: { readonly open: boolean }): { readonly principal: string };
}

export interface LoopbackOptions {
  /** The port the server listens on; a function, because port 0 is known only once it does. */
  readonly port: () => number;
  /** undefined: no token is asked for. Host and Origin are checked all the same. */
  readonly token: string | undefined;
}

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Guard of a server on this machine. Any web page can make a browser send requests to 127.0.0.1; so:
 * - Host must be a loopback name with our port. A page that rebound its own name to 127.0.0.1 still sends its own name.
 * - Origin, which browsers add to whatever a script sends elsewhere, must be absent or our own. We send no CORS headers.
 * - The token is readable only by who may read the data folder.
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
  // Port 80 is left out of Host.
  const hosts = LOOPBACK_NAMES.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  if (!hosts.includes(host)) {
    throw new FanfoldError("forbidden_origin", `this server answers to 127.0.0.1:${port} and localhost:${port} only; the Host header names another`);
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
  throw new FanfoldError("unauthorized", `the token ${problem}: send "Authorization: Bearer <token>" with the token of server.json in the data folder`);
}

/** Of equal length whatever was sent, so that the comparison takes the same time. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** For a server that somebody else guards, and for tests. */
export function noSecurity(principal = "local"): Security {
  return { check: () => ({ principal }) };
}
