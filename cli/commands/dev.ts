import { join } from "node:path";
import { type Command, Option } from "commander";
import type { Durability } from "../../functions/embedded/lmdb/commit-gatherer.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import { inFolder } from "../../functions/embedded/machine/disk-error.ts";
import type { Served } from "../../functions/embedded/serve-app.ts";
import { aborted, action, localCommand, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { loadLocal } from "../load-local.ts";
import type { Local } from "../local-server.ts";
import { DEFAULT_PORT, further, shortPath } from "../repository.ts";
import { removeServerFile, tokenOf, writeServerFile } from "../server-file.ts";
import type { Terminal } from "../terminal.ts";

interface DevOptions extends CommonOptions {
  readonly port: number;
  readonly workers?: number;
  readonly durability: Durability;
  readonly auth: boolean;
  readonly watch: boolean;
}
/** Seconds that open streams, and running tasks, may take when the server is stopped. */
const HTTP_GRACE_SECONDS = 1;
const RUN_GRACE_SECONDS = 10;

export function devCommand(): Command {
  return localCommand(
    "dev",
    "Run the dev server: engine, workers, HTTP API and dashboard on 127.0.0.1",
    "fanfold dev --port 0 --data /tmp/try\nfanfold dev --watch",
  )
    .option("--port <port>", "port to listen on; 0 takes a free one", wholeNumber(0, 65_535), DEFAULT_PORT)
    .option(
      "--workers <n>",
      "processes that run tasks (default: one per core); fanfold.config.ts says how many at once: concurrency in each, threads of each queue",
      wholeNumber(0, 256),
    )
    .addOption(
      new Option(
        "--durability <what>",
        "what a finished write survives: the end of every process, or also a power cut, which is slower",
      )
        .choices(["process", "power"])
        .default("process"),
    )
    .option(
      "--watch",
      "load the tasks again when a file that they import changes, and print each job, failure and log line",
      false,
    )
    .option("--no-auth", "require no token; for tests on your own machine")
    .action(
      action(async ({ terminal, interrupted }: Context, options: DevOptions) => {
        if (options.watch && options.workers === 0)
          throw new FanfoldError("invalid_request", "--watch needs worker processes: leave out --workers 0", {
            details: { field: "--workers" },
          });
        const token = options.auth ? await inFolder(options.data, () => tokenOf(options.data)) : undefined;
        let port = options.port;
        const [{ startLocal }, { serveApp }, { loopbackSecurity }, { signInLink, withPage }] = await Promise.all([
          loadLocal(),
          import("../../functions/embedded/serve-app.ts"),
          import("../../functions/api/security.ts"),
          import("../dashboard/serve-page.ts"),
        ]);
        const security = loopbackSecurity({ port: () => port, token });
        const watching = options.watch ? await import("../watch-tasks.ts") : undefined;
        const loaded = await watching?.loadLiveProject(options.tasks);
        const local: Local = await startLocal(
          {
            dataFolder: options.data,
            tasks: options.tasks,
            durability: options.durability,
            ...(options.workers !== undefined && { workers: options.workers }),
            ...(loaded && { live: loaded.live, project: loaded.project }),
            ...(watching && { onActivity: watching.activityLines(terminal, () => local.runtime.engine) }),
          },
          security,
        );
        const watch = loaded && watching?.watchTasks(loaded, terminal, local.runtime);
        try {
          const served = await serveApp(withPage(local.app, security), { port });
          port = served.port;
          const server = { url: served.url, pid: process.pid, ...(token !== undefined && { token }) };
          await inFolder(options.data, () => writeServerFile(options.data, server));
          try {
            await announce(terminal, served, signInLink(served.url, token), local, options);
            await aborted(interrupted);
            terminal.say("stopping; unfinished work continues at the next start (interrupt again to stop at once)");
          } finally {
            removeServerFile(options.data);
            await served.close(HTTP_GRACE_SECONDS);
          }
        } finally {
          watch?.stop();
          await local.runtime.stop({ graceSeconds: RUN_GRACE_SECONDS });
          await loaded?.live.end();
        }
        return EXIT.success;
      }),
    );
}

async function announce(
  terminal: Terminal,
  served: Served,
  link: string,
  { runtime }: Local,
  { data, auth }: DevOptions,
): Promise<void> {
  if (terminal.json)
    return terminal.printJson({ url: served.url, port: served.port, pid: process.pid, dataFolder: data });
  const names = runtime.workflows.list().map((workflow) => workflow.name);
  const header = auth
    ? `-H "Authorization: Bearer $(node -p 'JSON.parse(fs.readFileSync("${join(data, "server.json")}")).token')" `
    : "";
  await terminal.print(`${terminal.paint("bold", "Fanfold")} dev server on ${served.url}
  dashboard  ${link}
  data       ${shortPath(data)}${auth ? " (token in server.json)" : ", no token required"}
  workflows  ${names.join(", ") || "none: the module of tasks exports none"}

Start one from another terminal:
  ${further(data, `submit ${names[0] ?? "NAME"}`)}
  curl -X POST ${header}${served.url}/workflows/${names[0] ?? "NAME"}/jobs

Every route: ${served.url}/openapi.json. Ctrl-C stops.
`);
}
