import { defineConfig } from "./functions/sdk/config.ts";

// Edit this file to change the deployment. The type of each field documents it (functions/sdk/config.ts). Synth and
// start refuse an invalid value and name its field.
export const config = defineConfig({
  site: "local",
  concurrency: 32,
  jobTimeoutDays: 30,
  retentionDays: 7,

  // Settings for AWS. Everything below has a default, and these are the defaults.
  prefix: "fanfold",
  tasks: "functions/tasks/index.ts",
  sites: [
    {
      name: "local",
      // On one machine: runs at once of a queue that sets no `threads` of its own, in each worker process.
      threads: 10,
      queues: [{ name: "default", weight: 1, maxConcurrency: 50, batchSize: 10, windowSeconds: 0 }],
      functions: { worker: { memoryMb: 1_024, timeoutSeconds: 300 } },
    },
  ],
  api: { auth: "iam", throttle: { ratePerSecond: 100, burst: 200 } },
  logRetentionDays: 30,
});
