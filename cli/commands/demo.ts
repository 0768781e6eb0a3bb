import type { Command } from "commander";
import { hasEnded, type Client, type Job } from "../../functions/client/index.ts";
import { IS_CHECKOUT } from "../../functions/host/own-files.ts";
import { action, localCommand, type CommonOptions, type Context } from "../command.ts";
import { demoData, realFolder } from "../demo-folder.ts";
import { demoLines, demoReport } from "../demo-report.ts";
import { loadLocal } from "../load-local.ts";
import { exitCodeOf } from "../exit-codes.ts";
import { interruptedCode } from "../interrupt.ts";
import { formatDuration } from "../format.ts";
import { callScript, DEMO_TASKS, REPOSITORY } from "../repository.ts";
import { sayRetry, showValue } from "../show-value.ts";
import { watchJob } from "../watch-job.ts";

const WORKFLOW = "inventory";
const GRACE_SECONDS = 2;
const SUMMARY = `Inventory a folder: every file is read, digested and counted in parallel, exactly once. Interrupt or kill it, and run it
again: it continues where it was. Its state is kept outside of the folder.`;
const EXAMPLE = `${callScript("demo")}
${callScript("demo", "~/Pictures")}
${callScript("demo", "/usr/share --json").replace("npm run", "npm run --silent")} | jq '.duplicates | length'`;

interface DemoOptions extends Omit<CommonOptions, "data"> {
  /** Absent when the path is derived from the folder. */
  readonly data?: string;
}

export function demoCommand(): Command {
  return localCommand("demo", SUMMARY, EXAMPLE, {
    data: "where its state is kept (default: derived from the folder, in the user's state folder)",
  })
    .argument("[dir]", `folder to walk (default: ${IS_CHECKOUT ? "this checkout" : "the working folder"})`)
    .action(
      action(async (context: Context, options: DemoOptions, dir: string | undefined) => {
        const folder = realFolder(dir ?? (IS_CHECKOUT ? REPOSITORY : "."));
        const dataFolder = demoData(folder, options.data);
        const [{ startLocal }, { defaultSettings }] = await Promise.all([loadLocal(), import("../project.ts")]);
        const project = { settings: defaultSettings(), tasksModule: options.tasks ?? DEMO_TASKS };
        const { client, runtime } = await startLocal({ dataFolder, project });
        try {
          return await inventory(client, { folder, state: dataFolder }, context);
        } finally {
          await runtime.stop({ graceSeconds: context.interrupted.aborted ? GRACE_SECONDS : 0 });
        }
      }),
    );
}

async function inventory(
  client: Client,
  fields: { readonly folder: string; readonly state: string },
  context: Context,
): Promise<number> {
  const { terminal } = context;
  const { folder } = fields;
  const unfinished = await findUnfinished(client, folder);
  const jobId = unfinished?.jobId ?? (await client.start(WORKFLOW, fields)).jobId;
  const since =
    unfinished && `, started ${formatDuration(Math.max(0, Date.now() - unfinished.createdAt) / 1_000)} ago, continues`;
  terminal.say(`inventory of ${folder}: job ${jobId}${since ?? ""}`);
  const job = await watchJob(client, jobId, context, ["the same command continues it"]);
  if (job === undefined) return interruptedCode(context.interrupted);
  const report = demoReport(job);
  sayRetry(job, terminal, fields.state);
  if (terminal.json) await terminal.printJson(report ?? { job: jobId, state: job.state, error: job.error ?? null });
  else if (report === undefined) await showValue(client, job, terminal, fields.state);
  else
    await terminal.print(
      `\n${demoLines(report, { paint: terminal.paint, columns: terminal.columns(), rows: terminal.rows() }).join("\n")}\n`,
    );
  return exitCodeOf(job.state);
}

/** Finds the interrupted job of an earlier call. The engine is already working on it. */
async function findUnfinished(client: Client, folder: string): Promise<Job | undefined> {
  for (let cursor: string | undefined; ;) {
    const page = await client.jobs({ limit: 100, ...(cursor !== undefined && { cursor }) });
    const found = page.items.find(
      (job) => !hasEnded(job) && job.workflow === WORKFLOW && job.parameters?.["folder"] === folder,
    );
    if (found !== undefined || page.cursor === undefined) return found;
    cursor = page.cursor;
  }
}
