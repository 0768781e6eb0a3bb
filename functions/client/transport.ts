import { ERROR_CODES, FanfoldError, type ErrorCode } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { Pace } from "./follow-job.ts";
import { type AwsOptions, isOnAws, requestSigner } from "./sign-requests.ts";

/** Where the server is, and how to reach it. */
export interface ClientOptions {
  /** Address of the server, for instance `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Sent as bearer token. Absent for a server that asks for none. */
  readonly token?: string;
  /** Replaces the global `fetch`, for instance by an app in the same process or by a signing proxy. */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /**
   * Signs requests with the keys of an AWS account. `true` takes those that the AWS command would take. Default: `true`
   * for an API of API Gateway (`https://..execute-api..`) without a `token`, else `false`.
   */
  readonly aws?: boolean | AwsOptions;
  /**
   * How often `wait`, `watch` and `result` look at a job, in milliseconds: pauses double from `firstMs` (50) to
   * `longestMs` (2,000). On AWS each look is a request that is billed.
   */
  readonly pace?: Pace;
}

/** Returns the options with a `fetch` that signs, where requests are to be signed. */
export function signing(options: ClientOptions): ClientOptions {
  if (!URL.canParse(options.url))
    throw new FanfoldError("invalid_request", "createClient needs the url of the API, http://.. or https://..", {
      details: { field: "/url" },
    });
  const { url, token, aws = token === undefined && isOnAws(url), fetch: send = fetch } = options;
  if (aws === false) return options;
  const sign = requestSigner(url, aws === true ? {} : aws);
  return { ...options, fetch: async (request) => send(await sign(request)) };
}
/** One request, apart from its path. */
export interface Ask {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Body, sent as JSON. */
  readonly json?: unknown;
  /** Body, sent as NDJSON: the JSON of one value per line. */
  readonly lines?: readonly string[];
  /** Body, sent as it is. A stream is sent as it comes. */
  readonly body?: Blob | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/**
 * Sends one request. `path` is one of the server, or the whole address of another place, which is given neither token
 * nor signature. Throws the error of the server as FanfoldError with its code, or `engine_unavailable` when there is no
 * server.
 */
export async function ask(options: ClientOptions, path: string, what: Ask = {}): Promise<Response> {
  const request = requestOf(options, path, what);
  const response = await send(options, request).catch((cause: unknown) => {
    if (what.signal?.aborted || cause instanceof FanfoldError) throw cause;
    throw new FanfoldError("engine_unavailable", noServer(options.url), { cause, retryable: true });
  });
  if (response.ok) return response;
  throw errorOf((await response.json().catch(() => ({}))) as ProblemDocument, response.status);
}

function noServer(url: string): string {
  const isHere = /^https?:\/\/(127\.|localhost|\[::1\])/.test(url);
  return isHere ? `no dev server at ${url}; start one with \`npm run dev\`` : `${url} does not answer`;
}

async function send({ url, fetch: other = fetch }: ClientOptions, request: Request): Promise<Response> {
  // What signs requests to the server would spoil an address that is signed already.
  return new URL(url).host === new URL(request.url).host ? other(request) : fetch(request);
}

function requestOf(options: ClientOptions, path: string, what: Ask): Request {
  const isElsewhere = !path.startsWith("/");
  const url = new URL(isElsewhere ? path : options.url.replace(/\/$/, "") + path);
  for (const [name, value] of Object.entries(what.query ?? {})) {
    if (value !== undefined)
      for (const each of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
        url.searchParams.append(name, each);
  }
  const headers = new Headers();
  if (options.token !== undefined && !isElsewhere) headers.set("Authorization", `Bearer ${options.token}`);
  for (const [name, value] of Object.entries(what.headers ?? {})) if (value !== undefined) headers.set(name, value);
  // The types of browsers do not know `duplex`, which fetch wants for a stream.
  const init: RequestInit & { duplex?: "half" } = {
    method: what.method ?? "GET",
    headers,
    signal: what.signal ?? null,
  };
  if (what.json !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = JSON.stringify(what.json);
  } else if (what.lines !== undefined) {
    headers.set("Content-Type", "application/x-ndjson");
    init.body = what.lines.map((line) => `${line}\n`).join("");
  }
  if (what.body !== undefined) {
    init.body = what.body;
    if (what.body instanceof ReadableStream) init.duplex = "half";
  }
  return new Request(url, init);
}

/** Problem details (RFC 9457), as far as a client reads them. */
export interface ProblemDocument {
  readonly status?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly message?: unknown;
  readonly Message?: unknown;
  readonly retryable?: boolean;
  readonly field?: string;
  readonly details?: JsonObject;
}
/**
 * Returns the error that problem details describe. A code of a newer server that is unknown here reads as `internal`.
 */
export function errorOf(problem: ProblemDocument, status: number): FanfoldError {
  const refusal = status === 403 && problem.code === undefined ? (problem.message ?? problem.Message) : undefined;
  // API Gateway refuses a caller in a form of its own.
  if (typeof refusal === "string")
    return new FanfoldError("unauthorized", `AWS refuses your credentials: ${refusal.slice(0, 500)}`, {
      details: { status },
    });
  const known = (ERROR_CODES as readonly (string | undefined)[]).includes(problem.code);
  const code = known ? (problem.code as ErrorCode) : "internal";
  const message =
    problem.detail ?? `the server answered ${status}, not as Fanfold does; is another program on this port?`;
  const details = {
    ...problem.details,
    ...(problem.field !== undefined && { field: problem.field }),
    status,
  };
  return new FanfoldError(code, message, { details, retryable: problem.retryable ?? status >= 500 });
}

/**
 * Yields the values of an NDJSON answer and of its continuations. A server that limits the size of answers names the
 * next one in a Link header.
 */
export async function* readParts<T>(
  options: ClientOptions,
  path: string,
  what: Ask,
): AsyncGenerator<T, void, undefined> {
  for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
    const response = await ask(options, path, {
      ...what,
      query: { ...what.query, ...(from !== undefined && { from }) },
    });
    from = /[?&]from=(\d+)[^>]*>; *rel="?next/.exec(response.headers.get("Link") ?? "")?.[1];
    yield* readLines<T>(response);
  }
}

/**
 * Yields the values of an NDJSON answer as they arrive. Ending the loop early ends the request. Throws
 * `engine_unavailable` when the connection breaks.
 */
export async function* readLines<T>(response: Response): AsyncGenerator<T, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        if (cause instanceof Error && cause.name === "AbortError") throw cause;
        throw new FanfoldError(
          "engine_unavailable",
          "the server ended the connection before the answer was complete; ask again",
          { cause, retryable: true },
        );
      });
      const lines = (rest + (value ?? "")).split("\n");
      rest = done ? "" : (lines.pop() ?? "");
      for (const line of lines) if (line !== "") yield JSON.parse(line) as T;
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
