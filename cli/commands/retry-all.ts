import type { Client, RetriedJobs } from "../../functions/client/index.ts";
import { badCall } from "../answer-value.ts";
import type { CommonOptions, Context } from "../command.ts";
import { confirm } from "../confirm.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatCounted, table } from "../format.ts";

/** What `fanfold retry` is given. The other options of that command are for one job. */
interface Options extends CommonOptions {
  readonly task?: readonly string[];
  readonly reason?: readonly string[];
  readonly status?: unknown;
  readonly stamp?: unknown;
  readonly since?: number;
  readonly keepDownstream?: true;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly watch: boolean;
}
type Selection = Omit<Parameters<Client["retryAll"]>[0], "cursor" | "limit" | "idempotencyKey">;
type Job = RetriedJobs["jobs"][number];
interface Found {
  readonly jobs: readonly Job[];
  readonly skipped: RetriedJobs["skipped"];
}
/** Jobs that a person is shown before the question. */
const SHOWN = 20;

/** Throws when the options do not say which failures of all jobs are meant, or are for one job. */
export function requireAll({ task = [], reason = [], status, stamp, watch }: Options): void {
  if (task.length + reason.length === 0) throw badCall("id", "name a job, or --task or --reason for all jobs");
  const one = "without the id of a job";
  if (task.length > 1) throw badCall("--task", `${one}, give --task once`);
  if (reason.length > 1) throw badCall("--reason", `${one}, give --reason once`);
  if (status !== undefined) throw badCall("--status", `--status needs the id of a job`);
  if (stamp !== undefined) throw badCall("--stamp", `--stamp needs the id of a job`);
  if (watch) throw badCall("--watch", `--watch needs the id of a job`);
}

/** Shows which jobs would be retried, asks, and retries them. Jobs that fail meanwhile and match are taken, too. */
export async function retryAll(context: Context, client: Client, options: Options): Promise<number> {
  const { terminal } = context;
  const selection = selectionOf(options);
  if (options.dryRun || !options.yes) {
    const would = await walk(client, { ...selection, dryRun: true });
    const lines = jobLines(would, terminal.columns());
    if (options.dryRun && terminal.json) await terminal.printJson(answerOf(would, true));
    else if (options.dryRun && lines.length > 0) await terminal.print(`${lines.join("\n")}\n`);
    else for (const line of lines) terminal.say(line);
    sayLeft(context, would);
    if (options.dryRun || would.jobs.length === 0) return EXIT.success;
    if (!(await confirm(context, `retry ${runsText(would)} of ${formatCounted(would.jobs.length, "job")}?`))) {
      terminal.say("nothing was retried");
      return EXIT.failure;
    }
  }
  const done = await walk(client, selection);
  if (terminal.json) await terminal.printJson(answerOf(done, false));
  else if (done.jobs.length > 0) terminal.say(`retried: ${formatCounted(done.jobs.length, "job")}`);
  if (options.yes) sayLeft(context, done);
  return EXIT.success;
}
function selectionOf({ task, reason, since, keepDownstream }: Options): Selection {
  return {
    ...(task && { task: task[0] as string }),
    ...(reason && { reason: reason[0] as string }),
    ...(since !== undefined && { since }),
    ...(keepDownstream && { keepDownstream }),
  };
}
/** Asks until there is no cursor. A job that is on several pages counts once. */
async function walk(client: Client, selection: Selection): Promise<Found> {
  const jobs = new Map<string, Job>();
  const skipped = { unfinished: 0, over: 0, nothing: 0 };
  let cursor: string | undefined;
  do {
    const page = await client.retryAll({ ...selection, ...(cursor !== undefined && { cursor }) });
    for (const job of page.jobs) jobs.set(job.jobId, job);
    skipped.unfinished += page.skipped.unfinished;
    skipped.over += page.skipped.over;
    skipped.nothing += page.skipped.nothing;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return { jobs: [...jobs.values()], skipped };
}

const runsOf = ({ jobs }: Found): number => jobs.reduce((sum, { runs = 0 }) => sum + runs, 0);
const answerOf = (found: Found, dryRun: boolean): RetriedJobs => ({
  retried: found.jobs.length,
  ...(dryRun && { runs: runsOf(found) }),
  ...found,
});
function runsText(found: Found): string {
  const runs = formatCounted(runsOf(found), "failed run");
  return found.jobs.some(({ exact }) => exact === false) ? `more than ${runs}` : runs;
}
function jobLines({ jobs }: Found, width: number): string[] {
  if (jobs.length === 0) return [];
  const lines = table(
    [{ title: "JOB" }, { title: "ROUND", right: true }, { title: "RUNS", right: true }],
    jobs
      .slice(0, SHOWN)
      .map(({ jobId, round, runs = 0, exact }) => [
        jobId,
        formatCount(round),
        `${formatCount(runs)}${exact === false ? "+" : ""}`,
      ]),
    width,
  );
  return jobs.length > SHOWN ? [...lines, `and ${formatCounted(jobs.length - SHOWN, "job")} more`] : lines;
}
function sayLeft({ terminal }: Context, { jobs, skipped }: Found): void {
  const { unfinished, over, nothing } = skipped;
  if (jobs.length === 0) terminal.say("nothing to retry");
  if (unfinished > 0) terminal.say(`left, because they have not ended: ${formatCounted(unfinished, "job")}`);
  if (over > 0) terminal.say(`left, because they are over or have expired: ${formatCounted(over, "job")}`);
  if (nothing > 0) terminal.say(`left, because it was retried before: ${formatCounted(nothing, "job")}`);
}
