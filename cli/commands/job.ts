import type { Command } from "commander";
import { type Client, hasEnded, type Job, type JobCost, type Run } from "../../functions/client/index.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatCounted, formatDollars, formatDuration, oneLine } from "../format.ts";
import { failureLines, failuresOf } from "../job-failures.ts";
import { doneRuns, itemsText } from "../progress.ts";
import { sayRetry } from "../show-value.ts";
import { longId } from "../short-id.ts";

export function jobCommand(): Command {
  return command("job", "Show one job", "fanfold job 01JD2Y8ZK5W0E3T7Q9M4R6X8AB")
    .argument("<id>", "id of the job")
    .action(
      action(async ({ terminal }: Context, options: CommonOptions, id: string) => {
        return withEngine(options, "manage", async ({ client }) => {
          const job = await client.job(await longId(client, id));
          if (terminal.json) await terminal.printJson(job);
          else {
            const sheet = jobSheet(job, await deferredRuns(client, job), terminal.columns());
            const failures = failureLines(await failuresOf(client, job), terminal.columns());
            await terminal.print(`${[...sheet, ...failures].join("\n")}\n`);
          }
          sayRetry(job, terminal, options.data);
          return EXIT.success;
        });
      }),
    );
}

const SHOWN_DEFERRED = 5;
/** Planned runs of the largest job whose deferred runs are shown. Finding them reads the runs one by one. */
const MOST_RUNS = 2_000;
/** Returns some of the runs that wait for events or for other runs. */
async function deferredRuns(client: Client, job: Job): Promise<readonly Run[]> {
  if (hasEnded(job) || job.planned > MOST_RUNS) return [];
  return (await client.runs(job.jobId, { status: "deferred", limit: SHOWN_DEFERRED })).items;
}
function deferralText({ runId, task, unmet = [] }: Run): string {
  const waits = unmet.map(({ of, name, expiresAt }) => {
    const text = of === "event" ? name : `${of} ${name}`;
    return expiresAt === undefined ? text : `${text} (until ${new Date(expiresAt).toISOString()})`;
  });
  return `${task ?? "run"} ${runId} waits for ${waits.join(", ")}`;
}

function costText({ measured, computed }: JobCost): string {
  const { writeUnits, messages, price } = computed;
  const computedText = `${formatCount(writeUnits.total)} write units, ${formatCounted(messages, "message")}, ${formatDollars(price.total)} on AWS without the time of tasks`;
  return `measured: ${formatCounted(measured.taskRuns, "task run")}; computed: ${computedText}`;
}
/** A job whose items failed has no failed run. */
function errorText({ name, message, runId }: NonNullable<Job["error"]>): string {
  return `${name}: ${message}${runId === "" ? "" : ` (run ${runId})`}`;
}
/** Returns the facts of a job, one per line. */
function jobSheet(job: Job, deferred: readonly Run[], width: number): string[] {
  const took = ((job.endedAt ?? Date.now()) - job.createdAt) / 1_000;
  const counts = Object.entries(job.counts).map(([name, count]) => `${formatCount(count)} ${name.replace(/^u_/, "")}`);
  const facts: [string, string | undefined][] = [
    ["job", job.jobId],
    ["state", job.state + (job.outcome === undefined || job.outcome === "complete" ? "" : ` (${job.outcome})`)],
    ["round", job.round > 0 ? String(job.round) : undefined],
    ["workflow", job.workflow],
    ["fields", job.parameters && JSON.stringify(job.parameters)],
    [
      "started",
      `${new Date(job.createdAt).toISOString()}, ${job.endedAt === undefined ? "for" : "took"} ${formatDuration(took)}`,
    ],
    [
      "runs",
      `${formatCount(doneRuns(job))} of ${formatCount(job.planned)} known${job.countsExact ? "" : " (approximate)"}`,
    ],
    ["pending", job.pending === undefined ? undefined : formatCount(job.pending)],
    ["counts", counts.join(", ") || undefined],
    ["items", itemsText(job.items)],
    ...deferred.map((run): [string, string] => ["deferred", deferralText(run)]),
    ["cost", job.cost && costText(job.cost)],
    ["error", job.error && errorText(job.error)],
    ["value", job.value === undefined ? undefined : JSON.stringify(job.value)],
  ];
  return facts.flatMap(([name, text]) =>
    text === undefined ? [] : [`${name.padEnd(10)}${oneLine(text, Math.max(20, width - 10))}`],
  );
}
