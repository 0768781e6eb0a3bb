import { Argument, type Command } from "commander";
import type { Pause, PauseTarget } from "../../functions/client/index.ts";
import { PAUSE_KINDS, type PauseKind } from "../../functions/core/pause.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatDuration, oneLine, table } from "../format.ts";
import { printList, type WatchOptions, withWatch } from "../watch-list.ts";

const EXAMPLE = `fanfold pause job 01JD2Y8ZK5W0E3T7Q9M4R6X8AB
fanfold pause queue london.video
fanfold pause site paris
fanfold pause task acme.encode`;

export function pauseCommand(): Command {
  return onTarget(
    command(
      "pause",
      "Start nothing of a job, a queue, a site or a task until it is resumed; what runs goes on",
      EXAMPLE,
    ),
    async (context, options, target) =>
      withEngine(options, "manage", async ({ client }) => {
        const pause = await client.pause(target);
        await show(context, pause, `${textOf(pause)} is ${pause.state}`);
      }),
  );
}
export function resumeCommand(): Command {
  return onTarget(
    command("resume", "Start what a pause held back", EXAMPLE.replaceAll("pause", "resume")),
    async (context, options, target) =>
      withEngine(options, "manage", async ({ client }) => {
        const resumed = await client.resume(target);
        const said = resumed ? `resumed ${textOf(target)}` : `${textOf(target)} was not paused`;
        await show(context, { ...target, resumed }, said);
      }),
  );
}
export function pausesCommand(): Command {
  return withWatch(command("pauses", "List what is paused; a job shows its pause itself", "fanfold pauses")).action(
    action(async (context: Context, options: CommonOptions & WatchOptions) =>
      withEngine(options, "manage", ({ client }) =>
        printList(context, options, async () => {
          const pauses = await client.pauses();
          const lines = tableOf(pauses, Date.now(), context.terminal.columns());
          return { json: pauses, lines: pauses.length === 0 ? ["nothing is paused"] : lines };
        }),
      ),
    ),
  );
}

function onTarget(
  base: Command,
  work: (context: Context, options: CommonOptions, target: PauseTarget) => Promise<void>,
): Command {
  return base
    .addArgument(new Argument("<kind>", "what it is").choices(PAUSE_KINDS))
    .argument("<name>", "id of the job, or name of the queue, site or task")
    .action(
      action(async (context: Context, options: CommonOptions, kind: PauseKind, name: string) => {
        await work(context, options, { kind, name });
        return EXIT.success;
      }),
    );
}
async function show({ terminal }: Context, json: Pause | object, text: string): Promise<void> {
  if (terminal.json) await terminal.printJson(json);
  else await terminal.print(`${text}\n`);
}
const textOf = ({ kind, name }: PauseTarget): string => `${kind} ${oneLine(name, 120)}`;
function tableOf(pauses: readonly Pause[], now: number, width: number): string[] {
  return table(
    [{ title: "KIND" }, { title: "NAME" }, { title: "STATE" }, { title: "FOR", right: true }, { title: "BY" }],
    pauses.map(({ kind, name, state, at, origin }) => [
      kind,
      oneLine(name, 60),
      state,
      formatDuration((now - at) / 1_000),
      origin,
    ]),
    width,
  );
}
