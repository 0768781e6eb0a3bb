import { defineConfig } from "vitest/config";

/** The suite against a deployment: `npm run e2e` starts what it needs. Files run one after the other, since they share it. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    setupFiles: ["skip.ts"],
    include: ["{suite,destroyed}/**/*.e2e.ts"],
    pool: "forks",
    maxWorkers: 1,
    // An emulator on a slow machine. Tests wait for what must happen and end as soon as it has.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default"],
  },
});
