import { defineConfig } from "vitest/config";

/**
 * The configuration of the suite against a deployment. `npm run e2e` starts what the suite needs. Files run one after
 * the other, because they share the deployment.
 */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    setupFiles: ["skip.ts"],
    include: ["{suite,destroyed}/**/*.e2e.ts"],
    pool: "forks",
    maxWorkers: 1,
    // An emulator on a slow machine needs this long. Tests wait for events and end as soon as these have happened.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default"],
  },
});
