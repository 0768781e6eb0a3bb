import { defineConfig } from "vitest/config";

/** The configuration of the tests in a browser. They share one dev server, so their files run one after the other. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["suite/**/*.web.ts"],
    globalSetup: ["start-server.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
