import { describe, expect, it } from "vitest";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { startApi } from "./api.ts";

const BUSY = {
  workers: { total: 2, ready: 2, restarts: 0 },
  slots: { total: 64, busy: 64 },
  queues: { "home.default#worker": { ready: 900, delayed: 0, inFlight: 64, oldestSeconds: 3_600 } },
};
const FULL = { writable: false, why: "the disk is full" } as const;

describe("/health", () => {
  it("full slots and a long queue are work and no fault", async () => {
    const response = await startApi({ health: BUSY }).ask("GET", "/health");
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: "ok", version: "1.2.3", reasons: [], store: { writable: true }, ...BUSY },
    ]);
  });

  it("a store that takes no writes makes a server degraded, which says so in the same form", async () => {
    const response = await startApi({ health: { ...BUSY, store: FULL } }).ask("GET", "/health");
    expect([response.status, response.headers.get("Retry-After"), await response.json()]).toMatchObject([
      503,
      "1",
      {
        code: "degraded",
        retryable: true,
        details: { status: "degraded", reasons: ["store_unwritable"], store: FULL, ...BUSY },
      },
    ]);
  });

  it.each([
    ["no worker is ready after a death", { total: 2, ready: 0, restarts: 1 }, ["no_worker"]],
    ["one of two workers is ready", { total: 2, ready: 1, restarts: 9 }, []],
    ["the first workers are starting", { total: 2, ready: 0, restarts: 0 }, []],
    ["a server has no worker processes", { total: 0, ready: 0, restarts: 0 }, []],
  ])("when %s, the reasons are told", async (_title, workers, reasons) => {
    expect(await startApi({ health: { workers } }).client.health()).toMatchObject({ reasons });
  });

  it("the client returns the health of a degraded server", async () => {
    expect(await startApi({ health: { store: FULL } }).client.health()).toMatchObject({
      status: "degraded",
      reasons: ["store_unwritable"],
    });
  });

  it("health needs no token", async () => {
    const api = startApi({ security: loopbackSecurity({ port: () => 7420, token: "t" }) });
    expect((await api.ask("GET", "/health", { headers: { Host: "127.0.0.1:7420" } })).status).toBe(200);
  });
});

describe("/metrics", () => {
  it("a server whose metrics go elsewhere says where", async () => {
    const response = await startApi().ask("GET", "/metrics");
    expect([response.status, await response.json()]).toMatchObject([409, { code: "metrics_elsewhere" }]);
  });
});
