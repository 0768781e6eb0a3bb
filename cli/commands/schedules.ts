import { Argument, type Command, Option } from "commander";
import type { Client, Schedule, ScheduleSpec, TriggeredSchedule } from "../../functions/client/index.ts";
import { CATCH_UPS, OVERLAPS, type When } from "../../functions/core/schedule/schedule.ts";
import { badCall } from "../answer-value.ts";
import { action, collect, command, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { confirm } from "../confirm.ts";
import { requireServer, withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatCounted, formatDuration, oneLine, table } from "../format.ts";
import { readScheduled } from "../start-work.ts";
import { printList, type WatchOptions, withWatch } from "../watch-list.ts";

const ACTIONS = ["list", "show", "put", "delete", "pause", "resume", "trigger"] as const;
type Action = (typeof ACTIONS)[number];
interface SchedulesOptions extends CommonOptions, WatchOptions {
  readonly cron?: string;
  readonly every?: number;
  readonly rrule?: string;
  readonly start?: string;
  readonly timeZone?: string;
  readonly field: readonly string[];
  readonly forEach?: string;
  readonly forEachSite?: string;
  readonly timeField?: string;
  readonly overlap?: ScheduleSpec["overlap"];
  readonly catchUp?: ScheduleSpec["catchUp"];
  readonly timeout?: number;
  readonly paused?: true;
  readonly key?: string;
  readonly yes: boolean;
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold schedules                                      lists them
fanfold schedules show nightly                         one, with its next times
fanfold schedules put nightly report --cron "30 2 * * *" --time-zone Europe/Paris
fanfold schedules put checks canvas.json --every 900   a canvas, every 15 minutes
fanfold schedules trigger nightly                      fires it now`;

export function schedulesCommand(): Command {
  return withWatch(command("schedules", "List schedules; put, pause, resume, trigger or delete one", EXAMPLE))
    .addArgument(new Argument("[action]", "what to do").choices(ACTIONS).default("list"))
    .argument("[name]", "name of the schedule")
    .argument("[work]", "put: workflow, or file with a canvas (- reads stdin)")
    .option("--cron <fields>", "put: minute, hour, day, month, day of the week")
    .option("--every <seconds>", "put: seconds between two firings", wholeNumber(1, 400_000_000))
    .option("--rrule <rule>", "put: the value of an RRULE, like FREQ=MONTHLY;BYDAY=-1FR; needs --start")
    .option("--start <time>", "put: the first local time of --every or --rrule, like 2026-03-29T08:00")
    .option("--time-zone <zone>", "put: time zone of the local times, like Europe/Paris (default: UTC)")
    .option("-f, --field <name=value>", "put: a field of the workflow; repeatable", collect, [])
    .option("--for-each <field=a,b>", "put: a job for each of these values of a field")
    .option("--for-each-site <field>", "put: a job for each site, whose name the field is given")
    .option("--time-field <field>", "put: the field that is given the nominal time")
    .addOption(new Option("--overlap <what>", "put: while the job before runs (default: skip)").choices(OVERLAPS))
    .addOption(new Option("--catch-up <what>", "put: for missed times (default: one)").choices(CATCH_UPS))
    .option("--timeout <seconds>", "put: seconds until a job is timed out", wholeNumber(1, 31_536_000))
    .option("--paused", "put: fire only once it is resumed")
    .option("--key <key>", "trigger: the same key fires it once")
    .option("--yes", "delete: do not ask", false)
    .option("--limit <n>", "list at most this many", wholeNumber(1, 1_000), 50)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(
        async (
          context: Context,
          options: SchedulesOptions,
          what: Action,
          name: string | undefined,
          work: string | undefined,
        ) => {
          if (options.watch && what !== "list") throw badCall("--watch", `only the list can be watched, not ${what}`);
          if (what === "list") {
            if (name !== undefined) throw badCall("name", `say what to do with it: show ${name}`);
            return withEngine(options, "manage", ({ client }) => list(context, client, options));
          }
          if (name === undefined) throw badCall("name", `name the schedule: ${what} NAME`);
          if ((what === "put") !== (work !== undefined))
            throw badCall(
              "work",
              what === "put" ? `say what it starts: put ${name} WORKFLOW` : `only put takes ${work ?? ""}`,
            );
          // A firing leaves work behind, so a server must be there to do it.
          if (what === "trigger") return trigger(context, (await requireServer(options)).client, name, options);
          return withEngine(options, "manage", ({ client }) => act(context, client, what, name, work, options));
        },
      ),
    );
}

function list(context: Context, client: Client, { limit, cursor, watch }: SchedulesOptions): Promise<number> {
  return printList(context, { watch }, async () => {
    const page = await client.schedules({ limit, ...(cursor !== undefined && { cursor }) });
    const more = page.cursor === undefined ? [] : [`more: --cursor ${page.cursor}`];
    const lines = scheduleLines(page.items, context.terminal.columns(), Date.now());
    return page.items.length === 0
      ? { json: [page], lines: [], notes: ["no schedules", ...more] }
      : { json: [page], lines, notes: more };
  });
}
async function act(
  context: Context,
  client: Client,
  what: Exclude<Action, "list" | "trigger">,
  name: string,
  work: string | undefined,
  options: SchedulesOptions,
): Promise<number> {
  const { terminal } = context;
  if (what === "delete") return remove(context, client, name, options);
  if (what === "put") await client.putSchedule(name, await specOf(client, work as string, options));
  if (what === "pause") await client.pauseSchedule(name);
  if (what === "resume") await client.resumeSchedule(name);
  const schedule = await client.schedule(name);
  if (terminal.json) await terminal.printJson(schedule);
  else await terminal.print(`${scheduleSheet(schedule, terminal.columns()).join("\n")}\n`);
  return EXIT.success;
}
async function remove(context: Context, client: Client, name: string, { yes }: SchedulesOptions): Promise<number> {
  await client.schedule(name);
  if (!yes && !(await confirm(context, `remove schedule ${name}?`))) return EXIT.failure;
  await client.deleteSchedule(name);
  if (context.terminal.json) await context.terminal.printJson({ deleted: true });
  else context.terminal.say(`removed: ${name}`);
  return EXIT.success;
}
async function trigger(
  { terminal }: Context,
  client: Client,
  name: string,
  { key }: SchedulesOptions,
): Promise<number> {
  const fired = await client.triggerSchedule(name, key === undefined ? {} : { idempotencyKey: key });
  if (terminal.json) await terminal.printJson(fired);
  else
    await terminal.print(
      firedLines(fired)
        .map((line) => `${line}\n`)
        .join(""),
    );
  return fired.errors.length > 0 ? EXIT.failure : EXIT.success;
}
function firedLines({ jobs, skipped, queued, errors }: TriggeredSchedule): string[] {
  return [
    ...jobs.map(({ jobId, element }) => `${jobId}${element === undefined ? "" : `  ${oneLine(element, 100)}`}`),
    ...(skipped > 0 ? [`left out, because the job before has not ended: ${formatCount(skipped)}`] : []),
    ...(queued > 0 ? [`waiting for the end of the job before: ${formatCount(queued)}`] : []),
    ...errors.map(({ element = "", message }) => `failed: ${oneLine(`${element} ${message}`.trim(), 300)}`),
  ];
}

async function specOf(client: Client, work: string, options: SchedulesOptions): Promise<ScheduleSpec> {
  const { timeField, overlap, catchUp, timeout, paused } = options;
  return {
    when: whenOf(options),
    ...(await readScheduled(client, work, options.field)),
    ...forEachOf(options),
    ...(timeField !== undefined && { timeField }),
    ...(overlap !== undefined && { overlap }),
    ...(catchUp !== undefined && { catchUp }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    ...(paused && { paused }),
  };
}
function whenOf({ cron, every, rrule, start, timeZone }: SchedulesOptions): When {
  if ([cron, every, rrule].filter((given) => given !== undefined).length !== 1)
    throw badCall("--cron", "say when it fires: one of --cron, --every and --rrule");
  const common = { ...(timeZone !== undefined && { timeZone }) };
  if (cron !== undefined && start !== undefined) throw badCall("--start", "--start is for --every and --rrule");
  if (cron !== undefined) return { cron, ...common };
  if (every !== undefined) return { everySeconds: every, ...(start !== undefined && { start }), ...common };
  if (start === undefined) throw badCall("--start", "--rrule needs --start, its first local time");
  return { rrule: rrule as string, start, ...common };
}
function forEachOf({ forEach, forEachSite }: SchedulesOptions): Pick<ScheduleSpec, "forEach"> {
  if (forEach !== undefined && forEachSite !== undefined)
    throw badCall("--for-each", "--for-each and --for-each-site exclude each other");
  if (forEachSite !== undefined) return { forEach: { field: forEachSite, sites: true } };
  if (forEach === undefined) return {};
  const [, field = "", values = ""] = /^([^=]+)=(.+)$/s.exec(forEach) ?? [];
  if (field === "") throw badCall("--for-each", `--for-each ${forEach}: write it as field=a,b`);
  return { forEach: { field, values: values.split(",") } };
}

function whenText({ when }: Schedule): string {
  const zone = when.timeZone === undefined ? "" : ` ${when.timeZone}`;
  if ("cron" in when) return `${when.cron}${zone}`;
  return "rrule" in when ? `${when.rrule}${zone}` : `every ${formatDuration(when.everySeconds)}`;
}
const workText = ({ workflow }: Schedule): string => workflow ?? "a canvas";
function scheduleLines(schedules: readonly Schedule[], width: number, now: number): string[] {
  return table(
    [
      { title: "SCHEDULE" },
      { title: "STATE" },
      { title: "NEXT" },
      { title: "WHEN" },
      { title: "STARTS" },
      { title: "SKIPPED", right: true },
      { title: "ERROR" },
    ],
    schedules.map((schedule) => [
      schedule.name,
      schedule.state,
      schedule.nextAt === undefined ? "-" : `in ${formatDuration(Math.max(0, schedule.nextAt - now) / 1_000)}`,
      oneLine(whenText(schedule), 60),
      oneLine(workText(schedule), 40),
      formatCount(schedule.skipped),
      oneLine(schedule.error?.message ?? "", 120),
    ]),
    width,
  );
}
const SHOWN = 20;
function scheduleSheet(schedule: Schedule, width: number): string[] {
  const { name, state, origin, overlap = "skip", catchUp = "one", forEach, lastAt, jobs, queued, skipped } = schedule;
  const timeOf = (at: number): string => new Date(at).toISOString();
  const more = jobs.length > SHOWN ? ` and ${formatCounted(jobs.length - SHOWN, "more", "more")}` : "";
  const facts: [string, string | undefined][] = [
    ["schedule", `${name} (${state}${origin === "config" ? ", of fanfold.config.ts" : ""})`],
    ["when", whenText(schedule)],
    ["starts", workText(schedule)],
    ["fields", schedule.fields && JSON.stringify(schedule.fields)],
    ["for each", forEach && ("sites" in forEach ? "site" : forEach.values.join(", "))],
    ["overlap", overlap],
    ["catch-up", catchUp],
    ["next", schedule.upcoming?.map(timeOf).join(" ") || undefined],
    ["last", lastAt === undefined ? undefined : timeOf(lastAt)],
    [
      "jobs",
      jobs.length === 0
        ? undefined
        : `${jobs
            .slice(0, SHOWN)
            .map(({ jobId }) => jobId)
            .join(" ")}${more}`,
    ],
    ["waiting", queued.length === 0 ? undefined : queued.map(({ at }) => timeOf(at)).join(" ")],
    ["skipped", skipped === 0 ? undefined : formatCount(skipped)],
    ["error", schedule.error && `${schedule.error.code}: ${schedule.error.message}`],
  ];
  return facts.flatMap(([title, text]) =>
    text === undefined ? [] : [`${title.padEnd(10)}${oneLine(text, Math.max(20, width - 10))}`],
  );
}
