import { describe, expect, it } from "vitest";
import { startApi, traces } from "./api.ts";

import { REFUSED_CANVASES } from "./refused-canvases.ts";
import { JSON_TYPE } from "./refused-parts.ts";
import { REFUSED_REQUESTS } from "./refused-requests.ts";

describe("what is refused", () => {
  it.each([...REFUSED_CANVASES, ...REFUSED_REQUESTS])(
    "$what is refused with $code",
    async ({ code, status, field, method = "POST", path = "/jobs", body, headers }) => {
      const api = startApi();
      const before = await traces(api);
      const response = await api.ask(method, path, {
        ...(body !== undefined && { body }),
        headers: { ...(body !== undefined && JSON_TYPE), ...headers },
      });
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({
        code,
        status,
        type: `urn:fanfold:error:${code}`,
        ...(field !== undefined && { field }),
      });
      expect(response.status).toBe(status);
      expect(response.headers.get("Content-Type")).toBe("application/problem+json");
      expect(text.length).toBeLessThan(4_000);
      // The request stored nothing, changed no prototype and reported no error.
      const after = (await traces(api)) as { store: { writes: number } };
      expect({ ...after, store: after.store.writes }).toEqual({ ...(before as object), store: 0 });
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      expect(api.reported).toEqual([]);
    },
  );

  it("a wrong method is answered with the right ones", async () => {
    const response = await startApi().ask("DELETE", "/jobs");
    expect(response.headers.get("Allow")).toBe("POST, GET, HEAD");
  });

  it("an unknown task is answered with the nearest name", async () => {
    const response = await startApi().ask("POST", "/jobs", { json: { canvas: { task: "math.ad" } } });
    expect(await response.json()).toMatchObject({ code: "unknown_task", details: { suggestion: "math.add" } });
  });

  it("an endless body is read no further than its limit", async () => {
    const api = startApi();
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => (chunks++, controller.enqueue(new Uint8Array(1024 * 1024).fill(32))),
    });
    const response = await api.app.request("/jobs", {
      method: "POST",
      headers: JSON_TYPE,
      body,
      duplex: "half",
    } as RequestInit);
    expect(await response.json()).toMatchObject({ code: "payload_too_large" });
    expect(chunks).toBeLessThan(10);
  });
});

describe("what breaks inside", () => {
  it("an internal error is reported to the operator and not to the caller", async () => {
    const api = startApi();
    api.local.store.get = () => Promise.reject(new Error("secret of the house"));
    const response = await api.ask("GET", "/jobs/01J");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(String(api.reported[0])).toContain("secret of the house");
  });

  it("an outage of a port is answered with engine_unavailable", async () => {
    const { PortError } = await import("../../functions/engine/ports.ts");
    const api = startApi();
    api.local.store.get = () => Promise.reject(new PortError("throttled", "table tasks at 10.0.0.7"));
    const response = await api.ask("GET", "/jobs/01J");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "engine_unavailable", retryable: true });
  });
});
