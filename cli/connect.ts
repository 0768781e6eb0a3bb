import { createClient, type Client } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import type { CommonOptions } from "./command.ts";
import { loadLocal } from "./load-local.ts";
import { further } from "./repository.ts";
import { isRunning, readServerFile } from "./server-file.ts";

export interface Connection {
  readonly client: Client;
  /** `true`: the engine lives in this process and ends with it. */
  readonly embedded: boolean;
}
/** How long running tasks may go on when the user has seen enough. */
const RUN_GRACE_SECONDS = 1;

/** The dev server of a data folder, if one answers. */
async function connectServer(dataFolder: string): Promise<Connection | undefined> {
  const server = readServerFile(dataFolder);
  if (server === undefined || !isRunning(server.pid)) return undefined;
  const client = createClient({ url: server.url, ...(server.token !== undefined && { token: server.token }) });
  try {
    await client.health();
    return { client, embedded: false };
  } catch (error) {
    // The number of a killed server may belong to another process by now.
    if (error instanceof FanfoldError && error.code === "engine_unavailable") return undefined;
    throw error;
  }
}

/** For commands that leave work behind: somebody must do it. */
export async function requireServer(dataFolder: string): Promise<Connection> {
  const connection = await connectServer(dataFolder);
  if (connection !== undefined) return connection;
  const advice = `start one with \`npm run dev\`, or use \`${further(dataFolder, "run")}\`, which needs none`;
  throw new FanfoldError("engine_unavailable", `no dev server runs for the data folder ${dataFolder}; ${advice}`);
}

/**
 * Works with the dev server of the data folder, else with an engine in this process for as long as the work takes. `look`: nothing is run
 * meanwhile, only read or written down; `run`: jobs of the data folder go on.
 */
export async function withEngine<T>(options: CommonOptions, purpose: "look" | "run", use: (connection: Connection) => Promise<T>): Promise<T> {
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
