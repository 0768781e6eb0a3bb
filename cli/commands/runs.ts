import { Option, type Command } from "commander";
import type { Client, JsonObject, Run, RunDetail, RunStatus } from "../../functions/client/index.ts";
import { isTerminal, RUN_STATUSES } from "../../functions/core/plan/run-state.ts";
import { action, command, wholeNumber, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatDuration, oneLine, table } from "../format.ts";
import { longId } from "../short-id.ts";
import { whyText } from "../why-text.ts";
import { filterOf, moreStamps, type Stamp } from "../stamp-option.ts";

interface RunsOptions extends CommonOptions {
  readonly status?: RunStatus;
  readonly task?: string;
  readonly stamp?: readonly Stamp[];
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold runs 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --status error
fanfold runs 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --task files.copy --stamp team=blue
fanfold runs 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0.g.2     one run with its log`;

export function runsCommand(): Command {
  return command("runs", "List the runs of a job that have begun or wait, or show one run", EXAMPLE)
    .argument("<id>", "id of the job, or of one run")
    .addOption(new Option("--status <status>", "only those with this status").choices(RUN_STATUSES))
    .option("--task <name>", "only those of this task")
    .option("--stamp <name=value>", "only those that carry this stamp; repeatable", moreStamps)
    .option("--limit <n>", "at most this many", wholeNumber(1, 1_000), 50)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(
        async (
          { terminal }: Context,
          { status, task, stamp, limit, cursor, ...options }: RunsOptions,
          given: string,
        ) => {
          return withEngine(options, "manage", async ({ client }) => {
            const id = await longId(client, given);
            if (id.includes(".")) {
              const run = await client.run(id);
              if (terminal.json) await terminal.printJson(run);
              else
                await terminal.print(`${runSheet(run, await inputText(client, run), terminal.columns()).join("\n")}\n`);
              return EXIT.success;
            }
            const page = await client.runs(id, {
              limit,
              ...(status && { status }),
              ...(task !== undefined && { task }),
              ...(cursor !== undefined && { cursor }),
              ...filterOf(stamp),
            });
            if (terminal.json) await terminal.printJson(page);
            else if (page.items.length === 0) terminal.say("no runs match");
            else await terminal.print(`${runLines(page.items, terminal.columns(), Date.now()).join("\n")}\n`);
            if (!terminal.json && page.cursor !== undefined) terminal.say(`more: --cursor ${page.cursor}`);
            return EXIT.success;
          });
        },
      ),
    );
}

function whatOf({ task, wait, each }: Run): string {
  if (wait !== undefined) return `${wait.of} ${wait.name}`;
  return each === undefined ? (task ?? "group") : `${each} of ${task}`;
}
const errorOf = ({ error }: Run): string | undefined => error && `${error.name}: ${error.message}`;
function causesOf({ error }: Run): [string, string][] {
  const causes: [string, string][] = [];
  for (let cause = error?.cause; cause; cause = cause.cause)
    causes.push(["caused by", `${cause.name}: ${cause.message}`]);
  return causes;
}
const stampsOf = ({ stamps }: Run): string => (stamps ? JSON.stringify(stamps) : "");

function runLines(runs: readonly Run[], width: number, now: number): string[] {
  const stamped = runs.some(({ stamps }) => stamps !== undefined);
  return table(
    [
      { title: "RUN" },
      { title: "STATUS" },
      { title: "TOOK", right: true },
      { title: "WHAT" },
      ...(stamped ? [{ title: "STAMPS" }] : []),
      { title: "ERROR" },
    ],
    runs.map((run) => [
      run.runId,
      run.status,
      run.startedAt === undefined ? "-" : formatDuration(Math.max(0, (run.endedAt ?? now) - run.startedAt) / 1_000),
      oneLine(whatOf(run), 60),
      ...(stamped ? [oneLine(stampsOf(run), 40)] : []),
      oneLine(errorOf(run) ?? "", 120),
    ]),
    width,
  );
}

function sharesText({ runId, round, reused }: NonNullable<Run["adopts"]>): string {
  return `${reused ? "took the end of" : "takes the end of"} ${runId}${round > 0 ? `, round ${round}` : ""}`;
}
function dependenciesText({ dependencies = [], dependents = [], cause }: Run): [string, string | undefined][] {
  return [
    ...dependencies.map(({ name, runId, task, status, changed }): [string, string] => [
      status === undefined || isTerminal(status) ? "depends" : "waits for",
      `${name === undefined ? "" : `${name}: `}${task ?? "?"} ${runId}, ${status ?? "gone"}${changed ? ", changed since" : ""}`,
    ]),
    ["needed by", dependents.length > 0 ? dependents.join(", ") : undefined],
    ["cause", cause && `another end of ${cause.join(" -> ")}`],
  ];
}
/** Returns what the run before hands over, which an approval is about. */
export async function inputText(client: Client, { inputOf }: Run): Promise<string | undefined> {
  if (inputOf === undefined) return undefined;
  const { value, status, error } = await client.run(inputOf);
  const what = error === undefined ? JSON.stringify(value ?? null) : `${error.name}: ${error.message}`;
  return `${status === "success" ? what : `${status}: ${what}`} (from ${inputOf})`;
}
const timeOf = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString();
/** The time of the last attempt, and that of all of them with the pauses between. */
function tookText({ startedAt, queuedAt, endedAt, attempt }: Run): string | undefined {
  if (startedAt === undefined || endedAt === undefined) return undefined;
  const last = formatDuration((endedAt - startedAt) / 1_000);
  return attempt > 1 && queuedAt !== undefined
    ? `${last}, ${formatDuration((endedAt - queuedAt) / 1_000)} with all ${attempt} attempts`
    : last;
}
/** Returns the lines of the log of one attempt, each with its fields. */
function logLines({ log }: RunDetail, width: number): string[] {
  return (log as unknown as readonly LogLine[]).map(({ at, level, message, ...fields }) => {
    const more = Object.entries(fields.fields ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    return oneLine(`  ${new Date(at).toISOString()}  ${level.padEnd(5)}  ${[message, ...more].join("  ")}`, width);
  });
}
interface LogLine {
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly fields?: JsonObject;
}
/** Returns the facts of a run, one per line, and its logs. */
function runSheet(run: Run, input: string | undefined, width: number): string[] {
  const { wait, detail, args = [], kwargs = {}, earlier = [] } = run;
  const facts: [string, string | undefined][] = [
    ["run", run.runId],
    ["status", run.status],
    ["what", whatOf(run)],
    ["round", run.round > 0 ? String(run.round) : undefined],
    ["attempt", run.attempt > 0 ? String(run.attempt) : undefined],
    ["args", args.length > 0 ? JSON.stringify(args) : undefined],
    ["kwargs", Object.keys(kwargs).length > 0 ? JSON.stringify(kwargs) : undefined],
    [wait === undefined ? "input" : "about", input],
    ["stamps", stampsOf(run) || undefined],
    ["shares", run.adopts && sharesText(run.adopts)],
    ["why", whyText(run) || undefined],
    ...dependenciesText(run),
    ["token", wait?.token],
    ["expires", timeOf(wait?.expiresAt)],
    ["started", timeOf(run.startedAt)],
    ["ended", timeOf(run.endedAt)],
    ["took", tookText(run)],
    ["group", run.childGroup],
    ["error", errorOf(run)],
    ["reason", run.error?.reason],
    ["details", run.error?.details === undefined ? undefined : JSON.stringify(run.error.details)],
    ...causesOf(run),
    ["value", run.value === undefined ? undefined : JSON.stringify(run.value)],
  ];
  const sheet = facts.flatMap(([name, text]) =>
    text === undefined ? [] : [`${name.padEnd(10)}${oneLine(text, Math.max(20, width - 10))}`],
  );
  const stack = (detail?.stack ?? "").split("\n").filter((line) => line !== "");
  return [
    ...sheet,
    ...[...(detail ? [detail] : []), ...earlier].flatMap((each) => {
      const lines = logLines(each, width);
      return lines.length > 0 ? [`log       attempt ${each.attempt}`, ...lines] : [];
    }),
    ...(stack.length > 0 ? ["stack", ...stack.map((line) => `  ${oneLine(line, width)}`)] : []),
  ];
}
