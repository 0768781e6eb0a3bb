import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { proxy } from "../../cli/dashboard/proxy.ts";
import { withPage } from "../../cli/dashboard/serve-page.ts";
import { tokenOf } from "../../cli/server-file.ts";
import { fanfold, newFolder, start } from "./cli.ts";

/** An API that notes what it is asked. */
let api: Server;
let url: string;
const asked: { readonly request: IncomingMessage; readonly body: string }[] = [];
beforeAll(async () => {
  api = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += String(chunk)));
    request.on("end", () => {
      asked.push({ request, body });
      if (request.url?.startsWith("/v1/refused")) {
        response.writeHead(403, { "Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException" });
        return void response.end('{"message":"User is not authorized"}');
      }
      response.writeHead(200, {
        "Content-Type": "application/json",
        "Set-Cookie": "a=b",
        Link: "</x?from=3>; rel=next",
      });
      response.end('{"items":[]}');
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => api.once("listening", resolve));
  url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/v1`;
});
afterAll(() => api.close());

const TOKEN = "t".repeat(32);
const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret", AWS_REGION: "eu-west-2" };
const security = loopbackSecurity({ port: () => 7430, token: TOKEN });
const unsigned = (target: string) =>
  withPage(proxy({ url: target, sign: async (request) => request, security }), security);
function call(
  target: string,
  path: string,
  { headers: given = {}, ...init }: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {},
) {
  const headers = { Host: "127.0.0.1:7430", Authorization: `Bearer ${TOKEN}`, ...given };
  return unsigned(target).fetch(new Request(`http://127.0.0.1:7430${path}`, { ...init, headers }));
}

describe("the proxy of a deployed API", () => {
  it("passes path, query and body on, and nothing of the browser", async () => {
    const answer = await call(url, "/jobs?limit=2", {
      method: "POST",
      headers: { "Content-Type": "application/json", Cookie: "a=b", "Idempotency-Key": "k" },
      body: '{"x":1}',
    });
    expect([answer.status, await answer.json()]).toEqual([200, { items: [] }]);
    expect(answer.headers.get("Link")).toContain("from=3");
    expect(answer.headers.get("Set-Cookie")).toBeNull();
    const { request, body } = asked.at(-1)!;
    expect([request.method, request.url, body]).toEqual(["POST", "/v1/jobs?limit=2", '{"x":1}']);
    expect(request.headers["idempotency-key"]).toBe("k");
    expect(request.headers.authorization).toBeUndefined();
    expect(request.headers.cookie).toBeUndefined();
  });
  it("asks nothing for a caller without the token, or of another name", async () => {
    const before = asked.length;
    expect((await call(url, "/jobs", { headers: { Authorization: "Bearer wrong" } })).status).toBe(401);
    expect((await call(url, "/jobs", { headers: { Origin: "http://evil.example" } })).status).toBe(403);
    expect((await call(url, "/", { headers: { Host: "evil.example" } })).status).toBe(403);
    expect(asked.length).toBe(before);
  });
  it("says that the API does not answer, by a status of its own", async () => {
    const answer = await call("http://127.0.0.1:1", "/jobs");
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, "engine_unavailable"]);
  });
  it("says in the form of the API that AWS refuses the caller", async () => {
    const answer = await call(url, "/refused");
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: "unauthorized", detail: /not authorized/ });
  });
});

describe("fanfold dashboard", { timeout: 60_000 }, () => {
  it("serves an API with the caller's credentials, behind a token of its own", async () => {
    const server = start(["dashboard", "--url", url, "--port", "0", "--json"], undefined, { variables: KEYS });
    const { link } = JSON.parse(await server.line("stdout", (line) => line.startsWith("{"))) as { link: string };
    const [page, token] = link.split("/#token=") as [string, string];
    expect((await fetch(`${page}/jobs`)).status).toBe(401);
    const answer = await fetch(`${page}/jobs`, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    const { headers } = asked.at(-1)!.request;
    expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-2\/execute-api\//);
    server.child.kill("SIGINT");
    expect((await server.ended).code).toBe(0);
  });
  it("says what is missing: a dev server, an address, credentials", async () => {
    const none = newFolder();
    expect((await fanfold(["dashboard", "--data", none])).stderr).toMatch(/no dev server is running/);
    expect((await fanfold(["dashboard", "--url", "ftp://x"])).stderr).toMatch(/write the address of the API/);
    const variables = {
      AWS_ACCESS_KEY_ID: "",
      AWS_SECRET_ACCESS_KEY: "",
      AWS_PROFILE: "",
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: join(none, "none"),
      AWS_SHARED_CREDENTIALS_FILE: join(none, "none"),
      AWS_REGION: "eu-west-2",
    };
    const ended = await start(["dashboard", "--url", url], undefined, { variables }).ended;
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringMatching(/no AWS credentials were found/)]);
  });
});

describe("the token of a dev server", () => {
  it("stays the same at every start, and only the owner can read it", () => {
    const folder = newFolder();
    const token = tokenOf(folder);
    expect(tokenOf(folder)).toBe(token);
    expect(statSync(join(folder, "token")).mode & 0o777).toBe(0o600);
  });
  it("is made anew when others could have read it, or it is none", () => {
    const folder = newFolder();
    const token = tokenOf(folder);
    writeFileSync(join(folder, "token"), "short\n");
    const second = tokenOf(folder);
    expect(second).not.toBe(token);
    expect(readFileSync(join(folder, "token"), "utf8").trim()).toBe(second);
    expect(existsSync(join(folder, `token.${process.pid}`))).toBe(false);
  });
});
