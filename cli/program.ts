import { Command } from "commander";
import { blobsCommand } from "./commands/blobs.ts";
import { cancelCommand } from "./commands/cancel.ts";
import { completeCommand } from "./commands/complete.ts";
import { dashboardCommand } from "./commands/dashboard.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
import { demoCommand } from "./commands/demo.ts";
import { devCommand } from "./commands/dev.ts";
import { failuresCommand } from "./commands/failures.ts";
import { graphCommand } from "./commands/graph.ts";
import { jobCommand } from "./commands/job.ts";
import { jobsCommand } from "./commands/jobs.ts";
import { planCommand } from "./commands/plan.ts";
import { resultsCommand } from "./commands/results.ts";
import { retryCommand } from "./commands/retry.ts";
import { runCommand } from "./commands/run.ts";
import { runsCommand } from "./commands/runs.ts";
import { schedulesCommand } from "./commands/schedules.ts";
import { sendCommand } from "./commands/send.ts";
import { submitCommand } from "./commands/submit.ts";
import { watchCommand } from "./commands/watch.ts";
import { workflowsCommand } from "./commands/workflows.ts";
import { callAs, version } from "./repository.ts";

const NEXT = `
First steps:
  $ npm run demo                                       inventories this folder
  $ ${callAs()} run example.sum-of-sums -f n=100    runs a workflow, without a server
  $ npm run dev                                        starts engine, API and dashboard on 127.0.0.1

Exit codes: 0 the job succeeded, 1 it failed or something went wrong, 2 the call was wrong, 130 interrupted, 143 by SIGTERM.`;

export function program(): Command {
  const root = new Command("fanfold")
    .description("Fans work out and folds the results back in: tasks, workflows, and the engine that runs them.")
    .version(version())
    .showHelpAfterError("(--help shows how it is used)")
    .addHelpText("after", NEXT);
  const commands = [
    demoCommand,
    devCommand,
    dashboardCommand,
    runCommand,
    submitCommand,
    planCommand,
    watchCommand,
    jobsCommand,
    jobCommand,
    runsCommand,
    resultsCommand,
    graphCommand,
    completeCommand,
    sendCommand,
    cancelCommand,
    failuresCommand,
    deadLettersCommand,
    blobsCommand,
    retryCommand,
    workflowsCommand,
    schedulesCommand,
  ];
  for (const each of commands) root.addCommand(each().copyInheritedSettings(root));
  return root;
}
