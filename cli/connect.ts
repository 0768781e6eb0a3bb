import { createClient, type Client } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import type { CommonOptions } from "./command.ts";
import { loadLocal } from "./load-local.ts";
import { callScript, further } from "./repository.ts";
import { isRunning, readServerFile } from "./server-file.ts";

export interface Connection {
  readonly client: Client;
  /** `true` when the engine runs in this process and ends with it. */
  readonly embedded: boolean;
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

/** Returns the dev server, and throws when none runs. Commands that leave work behind need a server that does it. */
export async function requireServer(dataFolder: string): Promise<Connection> {
  const connection = await connectServer(dataFolder);
  if (connection !== undefined) return connection;
  const advice = `start one with \`${callScript("dev")}\`, or use \`${further(dataFolder, "run")}\`, which needs none`;
  throw new FanfoldError("engine_unavailable", `no dev server is running for the data folder ${dataFolder}; ${advice}`);
}

/**
 * Works with the dev server of the data folder, or else with an engine in this process while `use` runs. With `manage`
 * that engine runs no tasks. With `run` the jobs of the data folder go on.
 */
export async function withEngine<T>(
  options: CommonOptions,
  purpose: "manage" | "run",
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const server = await connectServer(options.data);
  if (server !== undefined) return use(server);
  const own = { dataFolder: options.data, tasks: options.tasks };
  const { startLocal } = await loadLocal();
  const { client, runtime } = await startLocal(purpose === "run" ? own : { ...own, workers: 0, concurrency: 0 });
  try {
    return await use({ client, embedded: true });
  } finally {
    await runtime.stop({ graceSeconds: purpose === "run" ? RUN_GRACE_SECONDS : 0 });
  }
}
