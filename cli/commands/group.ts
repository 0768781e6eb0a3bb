import type { Command } from "commander";
import type { Client, GroupView } from "../../functions/client/index.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatDuration, oneLine } from "../format.ts";
import { itemsText } from "../progress.ts";
import { interruptedCode } from "../interrupt.ts";
import { showUntil } from "../watch-job.ts";
import { longId } from "../short-id.ts";

interface GroupCommandOptions extends CommonOptions {
  readonly watch: boolean;
}
const ID = "01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0.g.0.g";

export function groupCommand(): Command {
  return command(
    "group",
    "Show one group of a job: how far its members are, and what follows",
    `fanfold group ${ID}\nfanfold group ${ID} --watch`,
  )
    .argument("<id>", "id of the group, as a run or `fanfold graph` shows it; that of a job for its root")
    .option("--watch", "show the progress until the group ends", false)
    .action(
      action((context: Context, options: GroupCommandOptions, given: string) =>
        // Without a dev server, somebody has to run the members that are watched.
        withEngine(options, options.watch ? "run" : "manage", async ({ client }) => {
          const { terminal, interrupted } = context;
          const id = await longId(client, given);
          const group = options.watch ? await watchGroup(client, id, context) : await client.group(id);
          if (group === undefined) return interruptedCode(interrupted);
          if (terminal.json) await terminal.printJson(group);
          else await terminal.print(`${groupSheet(group, terminal.columns(), Date.now()).join("\n")}\n`);
          return options.watch && group.state !== "complete" ? EXIT.failure : EXIT.success;
        }),
      ),
    );
}

/** Watches a group and returns it at its end. Returns undefined when the user interrupts. */
async function watchGroup(
  client: Client,
  id: string,
  { terminal, interrupted }: Context,
): Promise<GroupView | undefined> {
  try {
    return await showUntil(
      terminal,
      interrupted,
      (signal) => client.group(id, { signal }),
      (group) => `${group.state}: ${membersText(group)}`,
      ({ state }) => state !== "open",
    );
  } catch (error) {
    if (!interrupted.aborted) throw error;
    terminal.say("interrupted; the group goes on with its job");
    return undefined;
  }
}

/** Returns the facts of a group, one per line. */
function groupSheet(group: GroupView, width: number, now: number): string[] {
  const counts = Object.entries(group.counts).map(
    ([name, count]) => `${formatCount(count)} ${name.replace(/^u_/, "")}`,
  );
  const error = group.firstError;
  const facts: [string, string | undefined][] = [
    ["group", group.groupId],
    ["job", group.jobId],
    ["state", group.state],
    ["round", group.round > 0 ? String(group.round) : undefined],
    ["members", membersText(group)],
    ["counts", counts.length === 0 ? undefined : counts.join(", ")],
    ["items", itemsText(group.items)],
    ["policy", typeof group.policy === "string" ? group.policy : JSON.stringify(group.policy)],
    ["owner", group.ownerRunId],
    ["callback", group.callbackRunId],
    ["error", error && `${error.name}: ${error.message} (run ${error.runId})`],
    ["expires", expiryText(group, now)],
  ];
  return facts.flatMap(([name, text]) =>
    text === undefined ? [] : [`${name.padEnd(10)}${oneLine(text, Math.max(20, width - 10))}`],
  );
}
function membersText({ total, remaining = 0, failed, countsExact }: GroupView): string {
  const failures = failed > 0 ? `, ${formatCount(failed)} failed` : "";
  if (total === undefined) return `not known yet${failures}`;
  const ended = `${formatCount(total - remaining)} of ${formatCount(total)} ended`;
  return `${ended}${failures}${countsExact ? "" : " (approximate)"}`;
}
function expiryText({ expiresAt, ttlSeconds }: GroupView, now: number): string | undefined {
  if (expiresAt !== undefined)
    return `${new Date(expiresAt).toISOString()}, in ${formatDuration(Math.max(0, expiresAt - now) / 1_000)}`;
  return ttlSeconds === undefined ? undefined : `${formatDuration(ttlSeconds)} after its end`;
}
