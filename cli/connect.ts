import { createClient, type Client } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { startLocal, type LocalOptions } from "./local-server.ts";
import { callAs } from "./repository.ts";
import { isRunning, readServerFile } from "./server-file.ts";

export interface Connection {
  readonly client: Client;
  /** `true`: the engine lives in this process and ends with it. */
  readonly embedded: boolean;
  close(): Promise<void>;
}

/** The dev server of a data folder, if one answers. */
async function connectServer(dataFolder: string): Promise<Connection | undefined> {
  const server = readServerFile(dataFolder);
  if (server === undefined || !isRunning(server.pid)) return undefined;
  const client = createClient({ url: server.url, ...(server.token !== undefined && { token: server.token }) });
  try {
    await client.health();
    return { client, embedded: false, close: async () => {} };
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
  const advice = `start one with \`npm run dev\`, or use \`${callAs()} run\`, which needs none`;
  throw new FanfoldError("engine_unavailable", `no dev server runs for the data folder ${dataFolder}; ${advice}`);
}

/** The dev server of the data folder, else an engine in this process. */
export async function connect(options: LocalOptions, graceSeconds: number): Promise<Connection> {
  const connection = await connectServer(options.dataFolder);
  if (connection !== undefined) return connection;
  const { client, runtime } = await startLocal(options);
  return { client, embedded: true, close: () => runtime.stop({ graceSeconds }) };
}
