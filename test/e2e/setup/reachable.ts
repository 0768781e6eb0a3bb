import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { logFile } from "./paths.ts";
import { tail } from "./processes.ts";
import { Stop } from "./report.ts";

const START_SECONDS = 90;

/**
 * Waits until a program answers at its address. Any answer counts, because DynamoDB Local refuses an unsigned request.
 */
export async function answers(name: string, child: ChildProcess, url: string, log: string): Promise<void> {
  const until = Date.now() + START_SECONDS * 1_000;
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  ) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone || Date.now() > until)
      throw new Stop(
        `${name} ${gone ? "ended at once" : `does not answer after ${START_SECONDS} s`}:\n${tail(logFile(log))}\n(all of it: ${logFile(log)})`,
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Returns free ports. All are held open until all are known, so that they differ. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Stop("no free port");
      await new Promise((resolve) => server.close(resolve));
      return address.port;
    }),
  );
}

/** Throws when a program listens on this port, because it would be mistaken for the emulator. */
export async function checkFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve)).catch(
    (error: unknown) => {
      throw new Stop(`port ${port} is taken: end what listens there, or name another one with \`-- --port N\``, {
        cause: error,
      });
    },
  );
  await new Promise((resolve) => server.close(resolve));
}
