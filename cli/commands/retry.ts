import { type Command, Option } from "commander";
import type { Client, RetryPreview, RetrySelection } from "../../functions/client/index.ts";
import { jobIdOf } from "../../functions/core/plan/run-id.ts";
import { badCall } from "../answer-value.ts";
import { action, collect, command, type CommonOptions, type Context } from "../command.ts";
import { confirm } from "../confirm.ts";
import { type Connection, withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatCounted, oneLine, table } from "../format.ts";
import { filterOf, moreStamps, type Stamp } from "../stamp-option.ts";
import { timeOf } from "../time-option.ts";
import { longId } from "../short-id.ts";
import { requireAll, retryAll } from "./retry-all.ts";
import { foregroundOption, nextCommands, showEnd } from "./run.ts";

type FailedStatus = NonNullable<RetrySelection["statuses"]>[number];
interface RetryCommandOptions extends CommonOptions {
  readonly task?: readonly string[];
  readonly reason?: readonly string[];
  readonly status?: readonly FailedStatus[];
  readonly stamp?: readonly Stamp[];
  readonly since?: number;
  readonly keepDownstream?: true;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly watch: boolean;
  readonly foreground: boolean;
}
const EXAMPLE = `fanfold retry 01JD2Y8ZK5W0E3T7Q9M4R6X8AB                    everything that failed
fanfold retry 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --reason ENOSPC    what failed for this reason
fanfold retry 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --dry-run          what would run again
fanfold retry 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0.g.2              one run, or what failed below it
fanfold retry --task files.copy --reason ENOSPC --since 2h  all jobs in which this failed`;

export function retryCommand(): Command {
  const more = (text: string, before: readonly string[] = []): string[] => collect(text, before);
  return foregroundOption(
    command("retry", "Run again what failed in ended jobs, in place: what succeeded keeps its result", EXAMPLE),
  )
    .argument(
      "[id]",
      "id of the job, or of a run or group in it; without one, all jobs with a failure of --task or --reason",
    )
    .option("--task <task>", "only runs of this task; repeatable", more)
    .option("--reason <reason>", "only with this reason, or this name of an error without one; repeatable", more)
    .addOption(statusOption())
    .option("--stamp <name=value>", "only runs that carry this stamp; repeatable", moreStamps)
    .option("--since <time>", "only runs that ended after this time: 30m, 2h, 7d, or a date", timeOf)
    .option("--keep-downstream", "keep the results of steps that had consumed what failed")
    .addOption(
      new Option("--dry-run", "show what would run again, and change nothing")
        .default(false)
        .conflicts(["yes", "watch", "foreground"]),
    )
    .option("--yes", "do not ask", false)
    .option("--watch", "show the progress until the job ends", false)
    .action(
      action(async (context: Context, given: RetryCommandOptions, what: string | undefined) => {
        const options = { ...given, watch: given.watch || given.foreground };
        if (what === undefined) requireAll(options);
        if (what === undefined && options.foreground)
          throw badCall("--foreground", "name the job or run that is to run in this process");
        if (options.json && !options.yes && !options.dryRun)
          throw badCall("--yes", "--json asks no question: add --yes, or --dry-run to see what would run again");
        const purpose = options.foreground ? "foreground" : options.watch ? "run" : "manage";
        return withEngine(options, purpose, async (connection) => {
          if (what === undefined) return retryAll(context, connection.client, options);
          const id = await longId(connection.client, what);
          return options.dryRun
            ? showPreview(context, connection.client, id, options)
            : retry(context, connection, id, options);
        });
      }),
    );
}
const STATUSES: readonly FailedStatus[] = ["error", "broken", "cancelled"];
function statusOption(): Option {
  const option = new Option("--status <status>", "only runs that ended so; repeatable").choices(STATUSES);
  const { parseArg } = option;
  return option.argParser((text, before: readonly string[] | undefined) => {
    parseArg?.(text, undefined);
    return [...(before ?? []), text];
  });
}

function selectionOf(id: string, options: RetryCommandOptions): RetrySelection {
  const { task, reason, status, stamp, since, keepDownstream } = options;
  return {
    ...(id.includes(".") && { runIds: [id] }),
    ...(task && { tasks: task }),
    ...(reason && { reasons: reason }),
    ...(status && { statuses: status }),
    ...filterOf(stamp),
    ...(since !== undefined && { endedAfter: since }),
    ...(keepDownstream && { keepDownstream }),
  };
}
async function showPreview(
  { terminal }: Context,
  client: Client,
  id: string,
  options: RetryCommandOptions,
): Promise<number> {
  const preview = await client.previewRetry(jobIdOf(id), selectionOf(id, options));
  if (terminal.json) await terminal.printJson(preview);
  else await terminal.print(`${previewLines(preview, terminal.columns()).join("\n")}\n`);
  return EXIT.success;
}
async function retry(
  context: Context,
  connection: Connection,
  id: string,
  options: RetryCommandOptions,
): Promise<number> {
  const { terminal } = context;
  const { client } = connection;
  const jobId = jobIdOf(id);
  const selection = selectionOf(id, options);
  if (!options.yes) {
    const preview = await client.previewRetry(jobId, selection);
    for (const line of previewLines(preview, terminal.columns())) terminal.say(line);
    if (!(await confirm(context, `retry ${countText(preview)}?`))) {
      terminal.say("nothing was retried");
      return EXIT.failure;
    }
  }
  const retried = await client.retry(jobId, selection);
  terminal.say(`job ${jobId} goes on in round ${retried.round}`);
  if (retried.supervised === false) terminal.say("its supervisor has its answer already, and hears nothing of it");
  if (options.watch) return showEnd(connection, context, jobId, options.data);
  if (terminal.json) await terminal.printJson(retried);
  else for (const line of nextCommands(connection, jobId, options.data)) terminal.say(line);
  return EXIT.success;
}

const countText = ({ runs, exact }: RetryPreview): string =>
  exact ? formatCounted(runs, "failed run") : `more than ${formatCounted(runs, "failed run")}`;
/** Returns a table of the failures, and which later steps run again. */
function previewLines(preview: RetryPreview, width: number): string[] {
  const { failures, again, exact, runs } = preview;
  const later = again.map(({ task, count }) => `${oneLine(task, 60)} (${formatCount(count)})`);
  return [
    ...table(
      [
        { title: "TASK" },
        { title: "REASON" },
        { title: "STATUS" },
        { title: "COUNT", right: true },
        { title: "EXAMPLE" },
      ],
      failures.map(({ task, reason, status, count, example }) => [
        oneLine(task, 40),
        oneLine(reason, 40),
        status,
        formatCount(count),
        example,
      ]),
      width,
    ),
    ...(later.length > 0 ? [`and again, because it had consumed them: ${later.join(", ")}`] : []),
    ...(exact ? [] : [`only the first ${formatCount(runs)} are counted`]),
  ];
}
