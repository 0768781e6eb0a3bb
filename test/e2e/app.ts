import { App } from "aws-cdk-lib";
import { addDeployment, defineConfig } from "../../infra/index.ts";
import { fitForEmulators } from "../../infra/local/emulated.ts";
import { DATA_BUCKET, PREFIX } from "./names.ts";

/** A deployment of two sites, each with tasks of its own. */
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
      // An emulator shares two cores between all of them.
      queues: [
        { name: "default", maxConcurrency: 3 },
        { name: "heavy", function: "custom", maxConcurrency: 2 },
        // The default queue of the canvas cases.
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
  api: { streaming: false },
  logRetentionDays: 7,
});

const app = new App();
addDeployment(app, config);
fitForEmulators(app);
