import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { problemResponse } from "../api/problem.ts";
import { FanfoldError } from "../core/errors.ts";
import { answerWrongHttp, refuseConnect } from "./wrong-http.ts";

export interface Served {
  readonly port: number;
  readonly url: string;
  /** Refuses new connections and lets answers under way end for `graceSeconds`, then closes their connections. */
  close(graceSeconds: number): Promise<void>;
}
/** Bounds of a server against slow and many clients. */
export interface ServeLimits {
  /** Connections that are served at once. Each one more is answered with `server_busy`, and twice as many are dropped. */
  readonly connections: number;
  /**
   * Seconds in which the headers of a request must arrive, and in which a request must arrive as a whole. The content of
   * a blob may take longer, as long as it goes on.
   */
  readonly headerSeconds: number;
  readonly requestSeconds: number;
  /** Seconds after which a connection is closed on which nothing moves. */
  readonly stalledSeconds: number;
}
export interface ServeOptions {
  readonly port: number;
  readonly limits?: Partial<ServeLimits>;
}
const LIMITS: ServeLimits = { connections: 1_024, headerSeconds: 20, requestSeconds: 120, stalledSeconds: 600 };

const HOST = "127.0.0.1";

/**
 * Binds an app to a port of this machine. Port 0 takes a free one.
 * @throws FanfoldError `engine_unavailable` when the port is taken or not allowed
 */
export async function serveApp(app: Pick<Hono, "fetch">, options: ServeOptions): Promise<Served> {
  const sockets = new Set<Socket>();
  const server = makeServer(app, sockets, { ...LIMITS, ...options.limits });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(bindError(cause, options.port)));
    server.listen(options.port, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${HOST}:${port}`,
    close: (graceSeconds) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), graceSeconds * 1_000);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** Every answer of this server is one of the app, or a problem document like those of the app. */
function makeServer(app: Pick<Hono, "fetch">, sockets: Set<Socket>, limits: ServeLimits): Server {
  const surplus = new WeakSet<Socket>();
  const answer = getRequestListener(
    (request, { incoming }) => (surplus.has(incoming.socket as Socket) ? busy() : app.fetch(request)),
    {
      // The app answers its own errors. These are requests that are none for it: no Host, or an address that is no URL.
      errorHandler: (error) =>
        problemResponse(
          error instanceof FanfoldError
            ? error
            : new FanfoldError("invalid_request", "the Host header or the address of the request is missing or no URL"),
        ),
    },
  );
  const options = {
    headersTimeout: limits.headerSeconds * 1_000,
    // Node has one time for all requests, so `boundTime` counts instead.
    requestTimeout: 0,
    connectionsCheckingInterval: (limits.headerSeconds * 1_000) / 4,
    // Else Node answers by itself, and not as the app does.
    requireHostHeader: false,
  };
  const server = createServer(options, (incoming, outgoing) => {
    if (!isBlob(incoming)) boundTime(incoming, limits.requestSeconds);
    void answer(incoming, outgoing);
  });
  server.timeout = limits.stalledSeconds * 1_000;
  server.maxConnections = 2 * limits.connections;
  server.on("clientError", answerWrongHttp);
  server.on("connect", (_request, socket) => refuseConnect(socket));
  // An expectation may be ignored. Node would refuse unknown ones by itself.
  server.on("checkExpectation", (incoming, outgoing) => void answer(incoming, outgoing));
  server.on("connection", (socket: Socket) => {
    if (sockets.size >= limits.connections) surplus.add(socket);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return server;
}
function isBlob({ method, url = "" }: IncomingMessage): boolean {
  return method === "PUT" && /^\/blobs(?:\?|$)/.test(url);
}
/** Answers a request that does not arrive in time as Node would, and ends its connection. */
function boundTime(incoming: IncomingMessage, seconds: number): void {
  const late = (): void =>
    answerWrongHttp(Object.assign(new Error("late"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), incoming.socket);
  const timer = setTimeout(late, seconds * 1_000).unref();
  const arrived = (): void => clearTimeout(timer);
  incoming.once("end", arrived).once("close", arrived);
}
function busy(): Response {
  const error = new FanfoldError(
    "server_busy",
    "the server has as many connections as it serves at once; retry later",
    {
      retryable: true,
    },
  );
  return problemResponse(error, { Connection: "close" });
}

function bindError(cause: NodeJS.ErrnoException, port: number): Error {
  if (cause.code === "EADDRINUSE")
    return new FanfoldError(
      "engine_unavailable",
      `port ${port} is taken by another program; choose one with --port, or 0 for any`,
      { cause },
    );
  if (cause.code === "EACCES")
    return new FanfoldError("engine_unavailable", `port ${port} may not be used by this user; choose one above 1023`, {
      cause,
    });
  return cause;
}
