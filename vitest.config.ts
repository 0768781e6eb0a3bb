import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // `npm test` runs the first, `npm run test:long` the second: tests that are slow and prove little per second.
    projects: [
      { extends: true, test: { name: "short", include: ["test/**/*.test.ts"] } },
      { extends: true, test: { name: "long", include: ["test/**/*.long.ts"] } },
    ],
    // Processes, not threads: tests open LMDB folders and start and kill workers of their own.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    // Ends with the counts of files and tests.
    reporters: ["default"],
  },
});
