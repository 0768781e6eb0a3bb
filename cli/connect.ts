import { createClient, type Client } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import type { TaskModule } from "../functions/sdk/module.ts";
import type { CommonOptions } from "./command.ts";
import type { Target } from "./target.ts";
import { loadLocal } from "./load-local.ts";
import { callScript, further } from "./repository.ts";
import { isRunning, readServerFile } from "./server-file.ts";

export interface Connection {
  readonly client: Client;
  /** `true` when the engine runs in this process and ends with it. */
  readonly embedded: boolean;
  /** `true` when that engine runs the tasks as well. */
  readonly foreground?: boolean;
}
/** Seconds that running tasks may take when the command ends. */
const RUN_GRACE_SECONDS = 1;

/** Returns the dev server of a data folder, or undefined when none answers. */
async function connectServer(dataFolder: string): Promise<Connection | undefined> {
  const server = readServerFile(dataFolder);
  if (server === undefined || !isRunning(server.pid)) return undefined;
  const client = createClient({ url: server.url, ...(server.token !== undefined && { token: server.token }) });
  try {
    await client.health();
    return { client, embedded: false };
  } catch (error) {
    // The process id of a killed server may belong to another process by now.
    if (error instanceof FanfoldError && error.code === "engine_unavailable") return undefined;
    throw error;
  }
}

/** Returns the server that the call names. Nothing is asked of it before the command does. */
function connectTarget({ url, token, aws }: Target): Connection {
  return {
    client: createClient({ url, ...(token !== undefined && { token }), ...(aws !== undefined && { aws }) }),
    embedded: false,
  };
}

/** Returns the server, and throws when none runs. Commands that leave work behind need a server that does it. */
export async function requireServer({ data: dataFolder, target }: CommonOptions): Promise<Connection> {
  if (target !== undefined) return connectTarget(target);
  const connection = await connectServer(dataFolder);
  if (connection !== undefined) return connection;
  const advice = `start one with \`${callScript("dev")}\`, or use \`${further(dataFolder, "run")}\`, which needs none`;
  throw new FanfoldError("engine_unavailable", `no dev server is running for the data folder ${dataFolder}; ${advice}`);
}

/** What an engine in this process does while a command runs, and the workers that it has. */
const PURPOSES = {
  /** Runs no task. */
  manage: { workers: 0, concurrency: 0 },
  /** Lets the jobs of the data folder go on, in worker processes: in one, unless that takes long. */
  run: { firstWorkers: 1 },
  /** Lets the jobs of the data folder go on in this process, a run at a time, so that a debugger stops where one looks. */
  foreground: { workers: 0, concurrency: 1 },
} as const;

/**
 * Works with the server that the call names, or the dev server of the data folder, or else with an engine in this process
 * while `use` runs. `check` is given the tasks of that engine before it is started.
 */
export async function withEngine<T>(
  options: CommonOptions,
  purpose: keyof typeof PURPOSES,
  use: (connection: Connection) => Promise<T>,
  check?: (found: TaskModule) => Promise<void>,
): Promise<T> {
  if (options.target !== undefined && purpose === "foreground")
    throw new FanfoldError("invalid_request", "--foreground runs tasks in this process; leave out the server", {
      details: { field: "--foreground" },
    });
  if (options.target !== undefined) return use(connectTarget(options.target));
  const server = await connectServer(options.data);
  if (server !== undefined && purpose === "foreground")
    throw new FanfoldError(
      "data_folder_in_use",
      "--foreground: the dev server of this data folder runs its tasks in processes of its own; stop it first",
      { details: { field: "--foreground" } },
    );
  if (server !== undefined) return use(server);
  const { startLocal } = await loadLocal();
  const own = { dataFolder: options.data, tasks: options.tasks };
  const { client, runtime } = await startLocal({ ...own, ...PURPOSES[purpose], ...(check && { check }) });
  try {
    return await use({ client, embedded: true, foreground: purpose === "foreground" });
  } finally {
    await runtime.stop({ graceSeconds: purpose === "manage" ? 0 : RUN_GRACE_SECONDS });
  }
}
