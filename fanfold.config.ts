import { defineConfig } from "./functions/sdk/config.ts";

// The one file to edit. Each field is explained where it is typed (hover, or functions/sdk/config.ts); what is wrong is refused by name at synth and at start.
export const config = defineConfig({
  site: "local",
  concurrency: 32,
  jobTimeoutDays: 30,
  retentionDays: 7,

  // On AWS. Everything below has a default; these are the defaults, for you to change.
  prefix: "fanfold",
  tasks: "functions/tasks/index.ts",
  sites: [
    {
      name: "local",
      queues: [{ name: "default", maxConcurrency: 50, batchSize: 10, windowSeconds: 0 }],
      functions: { worker: { memoryMb: 1_024, timeoutSeconds: 300 } },
    },
  ],
  api: { auth: "iam", throttle: { ratePerSecond: 100, burst: 200 } },
  logRetentionDays: 30,
});
