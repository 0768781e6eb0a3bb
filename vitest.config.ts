import { configDefaults, defineConfig } from "vitest/config";
import { READ_SOURCES } from "./test/read-sources.ts";

/**
 * Folders whose tests leave nothing behind that another file could see. Their files share the modules of a process,
 * because loading them anew for each file took as long as the tests.
 */
const SHARED = ["api", "calendar", "conformance", "core", "engine", "host", "paths", "sdk", "testing"].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    // `npm test` runs the first two, `npm run test:long` the third: tests that are slow and prove little per second.
    projects: [
      { extends: true, test: { name: "shared", include: SHARED, isolate: false } },
      {
        extends: true,
        test: { name: "short", include: ["test/**/*.test.ts"], exclude: [...configDefaults.exclude, ...SHARED] },
      },
      { extends: true, test: { name: "long", include: ["test/**/*.long.ts"] } },
    ],
    // Processes, not threads: tests open LMDB folders and start and kill workers of their own.
    pool: "forks",
    // Workers that a test starts inherit it.
    execArgv: READ_SOURCES,
    globalSetup: "test/bundle-sources.ts",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    // Ends with the counts of files and tests.
    reporters: ["default"],
  },
});
