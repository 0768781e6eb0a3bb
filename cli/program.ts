import { Command } from "commander";
import { blobsCommand } from "./commands/blobs.ts";
import { IS_CHECKOUT, packageVersion } from "../functions/host/own-files.ts";
import { cancelCommand } from "./commands/cancel.ts";
import { completeCommand } from "./commands/complete.ts";
import { dashboardCommand } from "./commands/dashboard.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
import { demoCommand } from "./commands/demo.ts";
import { devCommand } from "./commands/dev.ts";
import { eventsCommand } from "./commands/events.ts";
import { completionCommand } from "./commands/completion.ts";
import { failuresCommand } from "./commands/failures.ts";
import { graphCommand } from "./commands/graph.ts";
import { groupCommand } from "./commands/group.ts";
import { initCommand } from "./commands/init.ts";
import { jobCommand } from "./commands/job.ts";
import { jobsCommand } from "./commands/jobs.ts";
import { pauseCommand, pausesCommand, resumeCommand } from "./commands/pauses.ts";
import { forgetCommand, scheduleCommand } from "./commands/shared-runs.ts";
import { identitiesCommand } from "./commands/identities.ts";
import { waitsCommand } from "./commands/waits.ts";
import { locksCommand } from "./commands/locks.ts";
import { planCommand } from "./commands/plan.ts";
import { queuesCommand } from "./commands/queues.ts";
import { resultsCommand } from "./commands/results.ts";
import { retryCommand } from "./commands/retry.ts";
import { runCommand } from "./commands/run.ts";
import { reportsCommand } from "./commands/reports.ts";
import { runsCommand } from "./commands/runs.ts";
import { schedulesCommand } from "./commands/schedules.ts";
import { sendCommand } from "./commands/send.ts";
import { sitesCommand } from "./commands/sites.ts";
import { statsCommand } from "./commands/stats.ts";
import { submitCommand } from "./commands/submit.ts";
import { watchCommand } from "./commands/watch.ts";
import { whyCommand } from "./commands/why.ts";
import { workflowsCommand } from "./commands/workflows.ts";
import { callAs, callScript } from "./repository.ts";

const STEPS = [
  ...(IS_CHECKOUT ? [] : [[`${callAs()} init my-app`, "makes a project"] as const]),
  [callScript("demo"), "inventories this folder"],
  [`${callAs()} workflows`, "lists what can be started"],
  [`${callAs()} run WORKFLOW -f n=100`, "runs a workflow, without a server"],
  [callScript("dev"), "starts engine, API and dashboard on 127.0.0.1"],
];
const NEXT = `
First steps:
${STEPS.map(([call, what]) => `  $ ${call.padEnd(46)} ${what}`).join("\n")}

Exit codes: 0 the job succeeded, 1 it failed or something went wrong, 2 the call was wrong, 130 interrupted, 143 by SIGTERM.`;

export function program(): Command {
  const root = new Command("fanfold")
    .description("Fans work out and folds the results back in: tasks, workflows, and the engine that runs them.")
    .version(packageVersion())
    .showHelpAfterError("(--help shows how it is used)")
    .addHelpText("after", NEXT);
  const commands = [
    initCommand,
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
    reportsCommand,
    resultsCommand,
    eventsCommand,
    graphCommand,
    groupCommand,
    completeCommand,
    sendCommand,
    cancelCommand,
    failuresCommand,
    deadLettersCommand,
    locksCommand,
    waitsCommand,
    identitiesCommand,
    scheduleCommand,
    forgetCommand,
    whyCommand,
    blobsCommand,
    retryCommand,
    workflowsCommand,
    schedulesCommand,
    pauseCommand,
    resumeCommand,
    pausesCommand,
    queuesCommand,
    sitesCommand,
    statsCommand,
    completionCommand,
  ];
  for (const each of commands) root.addCommand(each().copyInheritedSettings(root));
  return root;
}
