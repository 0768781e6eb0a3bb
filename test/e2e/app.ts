import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { addDeployment, defineConfig } from "../../infra/index.ts";
import { FunctionCode } from "../../infra/constructs/code.ts";
import { fitForEmulators } from "../../infra/local/emulated.ts";
import { THIS_MACHINE } from "../../infra/packages.ts";
import { DATA_BUCKET, PREFIX } from "./names.ts";

/** A deployment of two sites, each with its own tasks. */
const config = defineConfig({
  prefix: PREFIX,
  site: "london",
  concurrency: 32,
  jobTimeoutDays: 1,
  retentionDays: 1,
  tasks: "test/e2e/tasks/index.ts",
  sites: [
    {
      name: "london",
      nodeModules: ["lmdb"],
      // All functions share two cores on an emulator, so concurrency is low.
      queues: [
        { name: "default", maxConcurrency: 3 },
        { name: "heavy", function: "custom", maxConcurrency: 2, cap: 6 },
        // The canvas cases use this as their default queue.
        { name: "celery", maxConcurrency: 3 },
      ],
      functions: {
        worker: {
          permissions: [
            {
              actions: ["s3:GetObject", "s3:ListBucket"],
              resources: [`arn:aws:s3:::${DATA_BUCKET}`, `arn:aws:s3:::${DATA_BUCKET}/*`],
            },
          ],
        },
      },
    },
    { name: "paris", tasks: "test/e2e/paris/index.ts", queues: [{ name: "default", maxConcurrency: 2 }] },
  ],
  schedules: [
    {
      name: "configured",
      when: { everySeconds: 15 },
      workflow: "example.sum-of-sums",
      fields: { n: 2 },
      // Only its own test resumes it, so that it adds no jobs to others.
      paused: true,
    },
  ],
  api: { streaming: false },
  logRetentionDays: 7,
});

const app = new App();
addDeployment(app, config, new FunctionCode(config, { outDir: join(app.outdir, "functions"), machine: THIS_MACHINE }));
fitForEmulators(app);
