import { describe, expect, it } from "vitest";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { startApi, traces } from "./api.ts";

const TOKEN = "a-token-of-this-start";
const OWN = { Host: "127.0.0.1:7420" };
const WITH_TOKEN = { ...OWN, Authorization: `Bearer ${TOKEN}` };
const guarded = (token: string | undefined = TOKEN) =>
  startApi({ security: loopbackSecurity({ port: () => 7420, token }) });

describe("the dev server's guard", () => {
  it.each(["127.0.0.1:7420", "localhost:7420", "LOCALHOST:7420", "[::1]:7420"])(
    "the dev server answers to the host %s",
    async (host) => {
      expect((await guarded().ask("GET", "/jobs", { headers: { ...WITH_TOKEN, Host: host } })).status).toBe(200);
    },
  );

  it.each([
    "evil.example",
    "evil.example:7420",
    "127.0.0.1",
    "127.0.0.1:7421",
    "localhost.evil.example:7420",
    "127.0.0.1:7420.evil.example",
    "0.0.0.0:7420",
    "",
  ])("the dev server refuses the Host %j of a rebound name, even with the token and on open routes", async (host) => {
    const api = guarded();
    for (const path of ["/jobs", "/health", "/openapi.json", "/nowhere"]) {
      const response = await api.ask("GET", path, { headers: { ...WITH_TOKEN, Host: host } });
      expect([response.status, await response.json()]).toMatchObject([403, { code: "forbidden_origin" }]);
    }
  });

  it.each([
    "http://evil.example",
    "null",
    "http://127.0.0.1:3000",
    "https://127.0.0.1:7420",
    "http://localhost:7420",
    "",
  ])("the dev server refuses the Origin %j", async (origin) => {
    const api = guarded();
    const before = await traces(api);
    const response = await api.ask("POST", "/jobs", {
      json: { canvas: { task: "noop" } },
      headers: { ...WITH_TOKEN, Origin: origin },
    });
    expect(await response.json()).toMatchObject({ code: "forbidden_origin" });
    expect(await traces(api)).toEqual(before);
  });

  it("the dev server answers its own pages", async () => {
    expect(
      (await guarded().ask("GET", "/jobs", { headers: { ...WITH_TOKEN, Origin: "http://127.0.0.1:7420" } })).status,
    ).toBe(200);
  });

  it.each([
    undefined,
    "Bearer",
    "Bearer wrong",
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    TOKEN,
  ])("the dev server refuses the Authorization %j", async (authorization) => {
    const api = guarded();
    const headers = { ...OWN, ...(authorization !== undefined && { Authorization: authorization }) };
    for (const [method, path] of [
      ["GET", "/jobs"],
      ["POST", "/jobs"],
      ["DELETE", "/jobs"],
      ["GET", "/nowhere"],
    ] as const) {
      const response = await api.ask(method, path, { headers });
      expect([response.status, response.headers.get("WWW-Authenticate"), await response.json()]).toMatchObject([
        401,
        'Bearer realm="fanfold"',
        { code: "unauthorized" },
      ]);
    }
  });

  it("the dev server requires no token on /health and /openapi.json", async () => {
    for (const path of ["/health", "/openapi.json"])
      expect((await guarded().ask("GET", path, { headers: OWN })).status).toBe(200);
  });

  it("the dev server checks Host and Origin even when it requires no token", async () => {
    const api = startApi({ security: loopbackSecurity({ port: () => 7420, token: undefined }) });
    expect((await api.ask("GET", "/jobs", { headers: OWN })).status).toBe(200);
    expect((await api.ask("GET", "/jobs", { headers: { Host: "evil.example:7420" } })).status).toBe(403);
    expect((await api.ask("GET", "/jobs", { headers: { ...OWN, Origin: "http://evil.example" } })).status).toBe(403);
  });

  it("the dev server permits no other origin and no cache", async () => {
    const response = await guarded().ask("GET", "/jobs", { headers: WITH_TOKEN });
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
  });
});
