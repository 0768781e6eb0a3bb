import { fork } from "node:child_process";
import { workerArguments } from "../../../functions/embedded/machine/node-arguments.ts";
import { modulePath } from "../module-path.ts";

/** Work of a client of the HTTP API: to send a number of jobs of one empty task. */
export interface Load {
  readonly url: string;
  readonly token: string;
  readonly jobs: number;
  /** Connections that stay open. Each sends its next job when the one before was answered. */
  readonly atOnce: number;
  /**
   * Milliseconds from one job to the next, whether or not the one before was answered. With 0 jobs are sent as fast as
   * they are answered.
   */
  readonly everyMs: number;
}
/** Moments in milliseconds since the epoch. */
export interface Sent {
  readonly jobId: string;
  readonly sentAt: number;
  readonly answeredAt: number;
}
const MAIN = modulePath(import.meta.url, "./http-load-main");

/** Sends the jobs from a process of its own, so the client does not take the server's time. */
export function sendLoad(load: Load): Promise<readonly Sent[]> {
  const child = fork(MAIN, [JSON.stringify(load)], {
    execArgv: workerArguments(import.meta.url, process.execArgv),
    stdio: ["ignore", 2, 2, "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as readonly Sent[]));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the client ended with ${code}`)));
  });
}
