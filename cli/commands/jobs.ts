import { Option, type Command } from "commander";
import { type Job, JOB_STATES, type JobState } from "../../functions/client/index.ts";
import { action, command, wholeNumber, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatDuration, oneLine, table } from "../format.ts";
import { doneRuns, failedRuns } from "../progress.ts";
import { stampOf, type Stamp } from "../stamp-option.ts";

interface JobsOptions extends CommonOptions {
  readonly state?: JobState;
  readonly stamp?: Stamp;
  readonly workflow?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export function jobsCommand(): Command {
  return command(
    "jobs",
    "List the jobs, newest first",
    "fanfold jobs --state failure\nfanfold jobs --workflow inventory --stamp team=blue",
  )
    .addOption(new Option("--state <state>", "only those in this state").choices(JOB_STATES))
    .option("--stamp <name=value>", "only those whose canvas carries this stamp", stampOf)
    .option("--workflow <name>", "only those of this workflow")
    .option("--limit <n>", "at most this many", wholeNumber(1, 1_000), 20)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async ({ terminal }: Context, { state, stamp, workflow, limit, cursor, ...options }: JobsOptions) => {
        return withEngine(options, "manage", async ({ client }) => {
          const page = await client.jobs({
            limit,
            ...(state && { state }),
            ...(stamp && { stamp }),
            ...(workflow !== undefined && { workflow }),
            ...(cursor !== undefined && { cursor }),
          });
          if (terminal.json) await terminal.printJson(page);
          else if (page.items.length === 0) terminal.say("no jobs");
          else await terminal.print(`${jobLines(page.items, terminal.columns(), Date.now()).join("\n")}\n`);
          if (!terminal.json && page.cursor !== undefined) terminal.say(`more: --cursor ${page.cursor}`);
          return EXIT.success;
        });
      }),
    );
}

function jobLines(jobs: readonly Job[], width: number, now: number): string[] {
  return table(
    [
      { title: "JOB" },
      { title: "STATE" },
      { title: "RUNS", right: true },
      { title: "FAILED", right: true },
      { title: "TOOK", right: true },
      { title: "STARTED", right: true },
      { title: "WORKFLOW" },
    ],
    jobs.map((job) => [
      job.jobId,
      job.state,
      `${formatCount(doneRuns(job))}/${formatCount(Math.max(job.planned, doneRuns(job)))}`,
      formatCount(failedRuns(job)),
      formatDuration(Math.max(0, (job.endedAt ?? now) - job.createdAt) / 1_000),
      `${formatDuration(Math.max(0, now - job.createdAt) / 1_000)} ago`,
      oneLine(job.workflow ?? "-", 60),
    ]),
    width,
  );
}
