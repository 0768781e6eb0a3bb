import { Argument, type Command, Option } from "commander";
import type { Client, DeadLetter, DeadLetterCounts, DeadLetterReason } from "../../functions/client/index.ts";
import { badCall } from "../answer-value.ts";
import { action, command, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { confirm } from "../confirm.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatCounted, formatDuration, oneLine, table } from "../format.ts";

const REASONS: readonly DeadLetterReason[] = ["not_understood", "handler_failed", "run_broken"];
type Action = "list" | "show" | "redrive" | "purge";
interface Filter {
  readonly id?: string;
  readonly queue?: string;
  readonly task?: string;
  readonly reason?: DeadLetterReason;
  readonly jobId?: string;
}
interface LettersOptions extends CommonOptions, Omit<Filter, "id" | "jobId"> {
  readonly job?: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold dead-letters                                   lists them
fanfold dead-letters show 01764476598000-4f1c0a77e2d3b985  one, with its arguments
fanfold dead-letters redrive --task files.copy --dry-run   what would be sent again
fanfold dead-letters purge --reason not_understood --yes   removes them without a question`;

export function deadLettersCommand(): Command {
  return command("dead-letters", "List messages that were given up; send them again or remove them", EXAMPLE)
    .addArgument(new Argument("[action]", "what to do").choices(["list", "show", "redrive", "purge"]).default("list"))
    .argument("[id]", "id of one dead letter")
    .option("--queue <queue>", "only those of this queue, like london.default#worker")
    .option("--task <task>", "only those of runs of this task")
    .addOption(new Option("--reason <reason>", "only those with this reason").choices(REASONS))
    .option("--job <id>", "only those of this job")
    .option("--dry-run", "show what redrive or purge would do", false)
    .option("--yes", "do not ask before a redrive or a purge", false)
    .option("--limit <n>", "list at most this many", wholeNumber(1, 1_000), 50)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async (context: Context, options: LettersOptions, what: Action, id: string | undefined) => {
        if (what === "show" && id === undefined) throw badCall("id", "name the dead letter: show ID");
        if (what === "list" && id !== undefined) throw badCall("id", `say what to do with it: show ${id}`);
        return withEngine(options, "manage", async ({ client }) => {
          if (what === "show") return show(context, client, id as string);
          return what === "list" ? list(context, client, options) : change(context, client, what, id, options);
        });
      }),
    );
}

function filterOf({ queue, task, reason, job }: LettersOptions, id?: string): Filter {
  return {
    ...(id !== undefined && { id }),
    ...(queue !== undefined && { queue }),
    ...(task !== undefined && { task }),
    ...(reason !== undefined && { reason }),
    ...(job !== undefined && { jobId: job }),
  };
}
async function list({ terminal }: Context, client: Client, options: LettersOptions): Promise<number> {
  const { limit, cursor } = options;
  const page = await client.deadLetters({ ...filterOf(options), limit, ...(cursor !== undefined && { cursor }) });
  if (terminal.json) await terminal.printJson(page);
  else if (page.items.length === 0) terminal.say(page.cursor === undefined ? "no dead letters" : "none so far");
  else await terminal.print(`${letterLines(page.items, terminal.columns(), Date.now()).join("\n")}\n`);
  if (!terminal.json && page.cursor !== undefined) terminal.say(`more: --cursor ${page.cursor}`);
  return EXIT.success;
}
async function show({ terminal }: Context, client: Client, id: string): Promise<number> {
  const letter = await client.deadLetter(id);
  if (terminal.json) await terminal.printJson(letter);
  else await terminal.print(`${letterSheet(letter, terminal.columns()).join("\n")}\n`);
  return EXIT.success;
}

/** Shows what would be done, asks, and does it. Dead letters that come meanwhile and match are taken, too. */
async function change(
  context: Context,
  client: Client,
  what: "redrive" | "purge",
  id: string | undefined,
  options: LettersOptions,
): Promise<number> {
  const { terminal } = context;
  const filter = filterOf(options, id);
  const would = await walk(client, what, { ...filter, dryRun: true });
  if (options.dryRun && terminal.json) await terminal.printJson(would);
  else if (options.dryRun && would.letters > 0) await terminal.print(`${countLines(would).join("\n")}\n`);
  else if (!terminal.json && would.letters > 0) for (const line of countLines(would)) terminal.say(line);
  sayLeft(context, would);
  if (options.dryRun) return EXIT.success;
  const letters = formatCounted(would.letters, "dead letter");
  const question = what === "redrive" ? `send ${letters} again?` : `remove ${letters} for good?`;
  const agreed = would.letters > 0 && (options.yes || (await confirm(context, question)));
  const done = agreed ? await walk(client, what, filter) : { ...would, letters: 0, kinds: [] };
  if (terminal.json) await terminal.printJson(done);
  else terminal.say(`${what === "redrive" ? "sent again" : "removed"}: ${formatCount(done.letters)}`);
  return agreed || would.letters === 0 ? EXIT.success : EXIT.failure;
}
/** Calls until nothing more matches, and adds the answers up. */
async function walk(
  client: Client,
  what: "redrive" | "purge",
  filter: Filter & { readonly dryRun?: boolean },
): Promise<DeadLetterCounts> {
  const kinds = new Map<string, DeadLetterCounts["kinds"][number]>();
  const sum = { letters: 0, ended: 0, refused: 0 };
  let cursor: string | undefined;
  do {
    const action = { ...filter, ...(cursor !== undefined && { cursor }) };
    const counts = what === "redrive" ? await client.redriveDeadLetters(action) : await client.purgeDeadLetters(action);
    sum.letters += counts.letters;
    sum.ended += counts.ended;
    sum.refused += counts.refused;
    for (const kind of counts.kinds) {
      const key = JSON.stringify([kind.queue, kind.reason, kind.task]);
      kinds.set(key, { ...kind, count: kind.count + (kinds.get(key)?.count ?? 0) });
    }
    cursor = counts.cursor;
  } while (cursor !== undefined);
  return { ...sum, kinds: [...kinds.values()] };
}
function sayLeft({ terminal }: Context, { letters, ended, refused }: DeadLetterCounts): void {
  if (letters === 0) terminal.say("nothing to do");
  if (ended > 0) terminal.say(`${formatCounted(ended, "dead letter")} left: the run has ended, so retry the run`);
  if (refused > 0) terminal.say(`${formatCounted(refused, "dead letter")} left: there is no such queue`);
}

const whatOf = ({ task, kind }: DeadLetter): string => task ?? kind ?? "-";
function letterLines(letters: readonly DeadLetter[], width: number, now: number): string[] {
  return table(
    [
      { title: "DEAD LETTER" },
      { title: "GIVEN UP", right: true },
      { title: "QUEUE" },
      { title: "REASON" },
      { title: "WHAT" },
      { title: "RUN" },
      { title: "ERROR" },
    ],
    letters.map((letter) => [
      letter.id,
      `${formatDuration(Math.max(0, now - letter.at) / 1_000)} ago`,
      oneLine(letter.queue, 40),
      letter.reason,
      oneLine(whatOf(letter), 40),
      `${letter.runIds?.[0] ?? letter.jobId ?? "-"}${(letter.runs ?? 1) > 1 ? ` +${(letter.runs ?? 1) - 1}` : ""}`,
      oneLine(letter.error?.message ?? "", 120),
    ]),
    width,
  );
}
function letterSheet(letter: DeadLetter, width: number): string[] {
  const facts: [string, string | undefined][] = [
    ["letter", letter.id],
    ["given up", new Date(letter.at).toISOString()],
    ["queue", letter.queue],
    ["reason", letter.reason],
    ["error", letter.error && `${letter.error.name}: ${letter.error.message}`],
    ["redrives", letter.redrives > 0 ? String(letter.redrives) : undefined],
    ["what", whatOf(letter)],
    ["job", letter.jobId],
    ["runs", letter.runIds?.join(" ")],
    ["args", letter.args && JSON.stringify(letter.args)],
    ["kwargs", letter.kwargs && JSON.stringify(letter.kwargs)],
    ["message", JSON.stringify(letter.body)],
  ];
  return facts.flatMap(([name, text]) =>
    text === undefined ? [] : [`${name.padEnd(10)}${oneLine(text, Math.max(20, width - 10))}`],
  );
}
function countLines({ kinds }: DeadLetterCounts): string[] {
  return table(
    [{ title: "QUEUE" }, { title: "REASON" }, { title: "TASK" }, { title: "COUNT", right: true }],
    kinds.map(({ queue, reason, task, count }) => [
      oneLine(queue, 60),
      reason,
      oneLine(task ?? "-", 60),
      formatCount(count),
    ]),
  );
}
