import type { AddressInfo, Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { FanfoldError } from "../core/errors.ts";

export interface Served {
  readonly port: number;
  readonly url: string;
  /** Refuses new connections and lets answers under way end for `graceSeconds`, then closes their connections. */
  close(graceSeconds: number): Promise<void>;
}

const HOST = "127.0.0.1";

/**
 * Binds an app to a port of this machine. Port 0 takes a free one.
 * @throws FanfoldError `engine_unavailable` when the port is taken or not allowed
 */
export async function serveApp(app: Pick<Hono, "fetch">, options: { readonly port: number }): Promise<Served> {
  const server = createAdaptorServer({ fetch: (request) => app.fetch(request) });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
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
        if ("closeIdleConnections" in server) server.closeIdleConnections();
      }),
  };
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
