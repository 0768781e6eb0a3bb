import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createApp } from "../../functions/api/app.ts";
import { noSecurity } from "../../functions/api/security.ts";
import { startRuntime } from "../../functions/embedded/runtime.ts";
import { readCases } from "./cases.ts";
import { httpDriver } from "./driver.ts";
import { runCases, summary } from "./run-cases.ts";
import { selectCases } from "./selection.ts";

it(
  "the cases that `npm run e2e` runs give the same through the HTTP API on one machine",
  { timeout: 240_000 },
  async () => {
    const cases = selectCases(readCases(fileURLToPath(new URL("./cases/canvas-cases.json", import.meta.url))), 20);
    const dataFolder = mkdtempSync(join(tmpdir(), "fanfold-http-"));
    const tasksModule = fileURLToPath(new URL("./tasks.ts", import.meta.url));
    const { engine, workflows, registry, ...runtime } = await startRuntime({
      dataFolder,
      tasksModule,
      workers: 0,
    });
    try {
      const app = createApp({
        engine,
        workflows,
        registry,
        health: () => runtime.health(),
        security: noSecurity(),
        version: "1.2.3",
      });
      const asked = new Set<string | null>();
      const driver = httpDriver({
        url: "http://127.0.0.1:7420",
        headers: { "X-Trace": "cases" },
        fetch: (request) => {
          asked.add(request.headers.get("X-Trace"));
          return app.fetch(request);
        },
      });
      const reports = await runCases(driver, cases, { parallel: 8 });
      expect(reports.filter(({ status }) => status === "failed")).toEqual([]);
      expect(summary(reports)).toBe("20 passed, 0 failed, 0 skipped");
      expect([...asked]).toEqual(["cases"]);
    } finally {
      await runtime.stop({ graceSeconds: 0 });
      rmSync(dataFolder, { recursive: true, force: true });
    }
  },
);
