import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { createClient } from "../../functions/client/index.ts";
import { serveApp, type ServeLimits, type Served } from "../../functions/embedded/serve-app.ts";
import { type Api, startApi } from "../api/api.ts";
import { until } from "./until.ts";

let served: Served | undefined;
const clients: Socket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await served?.close(0);
});

interface Serving {
  readonly api: Api;
  readonly port: number;
  readonly url: string;
}
async function serve(limits: Partial<ServeLimits> = {}, bodyBytes?: number): Promise<Serving> {
  let port = 0;
  const security = loopbackSecurity({ port: () => port, token: undefined });
  const api = startApi({ security, ...(bodyBytes !== undefined && { bodyBytes }) });
  served = await serveApp(api.app, { port: 0, limits });
  port = served.port;
  return { api, port, url: served.url };
}
interface Raw {
  readonly socket: Socket;
  /** What the server has answered so far. */
  answer: string;
  closed: boolean;
}
/** Opens a connection and sends the text. */
function send(port: number, text: string): Raw {
  const socket = connect(port, "127.0.0.1");
  const raw: Raw = { socket, answer: "", closed: false };
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => (raw.answer += String(chunk)));
  socket.on("close", () => (raw.closed = true));
  socket.write(text);
  clients.push(socket);
  return raw;
}
/** Returns the status, type and code of an answer. */
function read({ answer }: Raw): readonly [number, string | undefined, string | undefined] {
  const code = /"code":"(\w+)"/.exec(answer)?.[1];
  return [Number(answer.split(" ")[1]), /content-type: (\S+)/i.exec(answer)?.[1], code];
}
const PROBLEM = "application/problem+json";
const get = (path: string, port: number, more = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${more}\r\n`;
const upload = (port: number): string =>
  `PUT /jobs/nope/input/0 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`;

describe("what is no request for the app", () => {
  it.each([
    ["headers over the limit", get("/health", 1, `X-Long: ${"x".repeat(20_000)}\r\n`), 431, "headers_too_large"],
    ["an address over the limit", `GET /${"x".repeat(20_000)} HTTP/1.1\r\n\r\n`, 431, "headers_too_large"],
    ["nonsense", "nonsense\r\n\r\n", 400, "invalid_request"],
    ["an unknown method", "FROB / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_request"],
    ["no Host", "GET /health HTTP/1.1\r\n\r\n", 400, "invalid_request"],
    ["a Host that is none", "GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "invalid_request"],
    ["an address that is none", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_request"],
    ["a tunnel", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405, "method_not_allowed"],
    [
      "two lengths",
      "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      400,
      "invalid_request",
    ],
  ])("%s is answered as a problem with a code", async (_title, text, status, code) => {
    const { port } = await serve();
    const raw = send(port, text);
    await until("it is answered", () => raw.closed || raw.answer.endsWith("}"));
    expect(read(raw)).toEqual([status, PROBLEM, code]);
  });

  it("an unknown expectation is ignored", async () => {
    const { port } = await serve();
    const raw = send(port, get("/health", port, "Expect: tea\r\n"));
    await until("it is answered", () => raw.answer.endsWith("}"));
    expect(read(raw)[0]).toBe(200);
  });
});

describe("slow clients", () => {
  it("headers that do not come are cut off with a reason, and others are served meanwhile", async () => {
    const { port, url } = await serve({ headerSeconds: 0.4, requestSeconds: 60 });
    const slow = Array.from({ length: 100 }, () => send(port, "GET /health HT"));
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await until("all are cut off", () => slow.every(({ closed }) => closed));
    expect(slow.map(read)).toEqual(slow.map(() => [408, PROBLEM, "request_timeout"]));
  });

  it("bodies that come byte by byte are cut off with a reason, and the operator is not bothered", async () => {
    const { api, port, url } = await serve({ headerSeconds: 0.4, requestSeconds: 0.5 });
    const slow = Array.from({ length: 100 }, () => send(port, upload(port)));
    const drip = setInterval(() => slow.forEach(({ socket }) => socket.writable && socket.write("1\r\n \r\n")), 50);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await until("all are cut off", () => slow.every(({ closed }) => closed)).finally(() => clearInterval(drip));
    expect(slow.map(read)).toEqual(slow.map(() => [408, PROBLEM, "request_timeout"]));
    expect(api.reported).toEqual([]);
  });

  it("bodies have a room together, whose end is told, and which is given back", async () => {
    const { port, url } = await serve({}, 64 * 1024);
    const chunk = `${(60 * 1024).toString(16)}\r\n${" ".repeat(60 * 1024)}\r\n`;
    const first = send(port, upload(port) + chunk);
    const put = () =>
      fetch(`${url}/jobs/nope/input/0`, {
        method: "PUT",
        body: " ".repeat(60 * 1024),
        headers: { "Content-Type": "application/x-ndjson" },
      });
    await until("there is no room", async () => (await put()).status === 503);
    expect(await (await put()).json()).toMatchObject({ code: "server_busy", retryable: true });
    expect((await fetch(`${url}/health`)).status).toBe(200);
    first.socket.destroy();
    await until("there is room again", async () => (await put()).status === 404);
  });

  it("connections over the limit are told so, and those within it are served", async () => {
    const { port } = await serve({ connections: 10 });
    const held = Array.from({ length: 10 }, () => send(port, get("/health", port)));
    await until("all are answered", () => held.every(({ answer }) => answer.endsWith("}")));
    const more = send(port, get("/health", port));
    await until("it is told", () => more.closed);
    expect(read(more)).toEqual([503, PROBLEM, "server_busy"]);
    const [first] = held as [Raw];
    first.answer = "";
    first.socket.write(get("/health", port));
    await until("the first is served", () => first.answer.endsWith("}"));
    expect(read(first)[0]).toBe(200);
    first.socket.destroy();
    const late = () => send(port, get("/health", port));
    await until("there is room", async () => {
      const raw = late();
      await until("it is answered", () => raw.answer.endsWith("}"));
      return read(raw)[0] === 200;
    });
  });

  it("a reader that takes nothing is cut off, holds back its source, and others are served", async () => {
    const { api, port, url } = await serve({ stalledSeconds: 2 });
    const { jobId } = await createClient({ url }).submitWire({ task: "noop" });
    await api.local.untilQuiet();
    let pulled = 0;
    let ended = 0;
    api.local.engine.results = async function* () {
      try {
        for (; ; pulled++) yield { index: pulled, runId: "r", status: "success", value: "x".repeat(64 * 1024) };
      } finally {
        ended++;
      }
    };
    const slow = Array.from({ length: 20 }, () => send(port, ""));
    for (const { socket } of slow) {
      socket.pause();
      socket.write(get(`/jobs/${jobId}/results`, port));
    }
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await until("all are cut off", () => ended === slow.length);
    // 4 MB or so fit into the buffers of a connection.
    expect(pulled).toBeLessThan(20 * 200);
  });

  it("followers of events that read nothing cost others nothing", async () => {
    const { api, port, url } = await serve();
    const { jobId } = await createClient({ url }).submitWire({ task: "noop" });
    const slow = Array.from({ length: 100 }, () => send(port, get(`/jobs/${jobId}/events?follow`, port)));
    for (const { socket } of slow) socket.pause();
    expect((await fetch(`${url}/jobs/${jobId}`)).status).toBe(200);
    await api.local.untilQuiet();
    for (const { socket } of slow) socket.resume();
    await until("all have the end", () => slow.every(({ answer }) => answer.includes('"success"')));
  });
});
