import { type Command, Option } from "commander";
import type { JobPlan } from "../../functions/client/index.ts";
import { TRACKING_LEVELS, type TrackingLevel } from "../../functions/core/cost/work-shape.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import { action, command, type CommonOptions, type Context, notNegative, wholeNumber } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { planSheet, scaleSheet } from "../plan-sheet.ts";
import { preparePlan } from "../start-work.ts";
import { fieldOption, WHAT } from "./run.ts";

interface PlanCommandOptions extends CommonOptions {
  readonly field: readonly string[];
  readonly secondsPerTask?: number;
  readonly children?: number;
  readonly level: TrackingLevel;
}
const EXAMPLE = `fanfold plan example.sum-of-sums --field n=1000
fanfold plan canvas.json --seconds-per-task 2
fanfold plan --children 10000000 --level lazy`;

export function planCommand(): Command {
  return fieldOption(
    command("plan", "Estimate the work, time and AWS cost of a workflow or canvas; starts nothing", EXAMPLE),
  )
    .argument("[what]", WHAT)
    .option(
      "--seconds-per-task <seconds>",
      "assumed duration of every task (default: 0.1, or 0 with --children)",
      notNegative,
    )
    .addOption(
      new Option(
        "--children <n>",
        "instead of a canvas: one chord of this many tasks that do nothing, at AWS's quotas",
      ).argParser(wholeNumber(1, 268_435_456)),
    )
    .addOption(
      new Option("--level <level>", "with --children: how the tasks are tracked")
        .choices([...TRACKING_LEVELS])
        .default("lazy"),
    )
    .action(
      action(async (context: Context, options: PlanCommandOptions, what?: string) => {
        if (options.children !== undefined) return showScale(context, options, options.children, what);
        if (what === undefined) throw refused("<what>", "name a workflow or a canvas, or give --children");
        const seconds = options.secondsPerTask;
        const plan = preparePlan(what, options.field, { ...(seconds !== undefined && { secondsPerTask: seconds }) });
        return withEngine(options, "manage", async ({ client }) => show(context, await plan(client), planSheet));
      }),
    );
}

async function show(context: Context, plan: JobPlan, sheet: (plan: JobPlan) => readonly string[]): Promise<number> {
  if (context.terminal.json) await context.terminal.printJson(plan);
  else await context.terminal.print(`${sheet(plan).join("\n")}\n`);
  return EXIT.success;
}
async function showScale(
  { terminal }: Context,
  { level, secondsPerTask = 0, tasks }: PlanCommandOptions,
  children: number,
  what: string | undefined,
): Promise<number> {
  if (what !== undefined) throw refused("--children", "--children replaces the canvas: give one or the other");
  // Loaded late, since each takes as long to load as all other commands.
  const [{ planScale }, { loadProject }] = await Promise.all([import("../plan-scale.ts"), import("../project.ts")]);
  const { settings } = await loadProject(tasks);
  const prediction = planScale({ children, level, secondsPerTask, slots: settings.concurrency });
  if (terminal.json) await terminal.printJson({ children, level, ...prediction });
  else await terminal.print(`${scaleSheet(children, level, prediction).join("\n")}\n`);
  return EXIT.success;
}
function refused(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
