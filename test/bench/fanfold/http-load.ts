import { fork } from "node:child_process";
import { modulePath, workerArguments } from "../../../functions/embedded/machine/node-arguments.ts";

/** What a client of the HTTP API is to do: send so many jobs of one task that does nothing. */
export interface Load {
  readonly url: string;
  readonly token: string;
  readonly jobs: number;
  /** Each on a connection of its own that stays open; the next is sent when one is answered. */
  readonly atOnce: number;
  /** Milliseconds from one to the next, whether or not the one before was answered; 0: as fast as they are answered. */
  readonly everyMs: number;
}
/** Moments, in milliseconds since the epoch. */
export interface Sent {
  readonly jobId: string;
  readonly sentAt: number;
  readonly answeredAt: number;
}
const MAIN = modulePath(import.meta.url, "./http-load-main");

/** Sends them from a process of its own, so that the client does not take the server's time. */
export function sendLoad(load: Load): Promise<readonly Sent[]> {
  const child = fork(MAIN, [JSON.stringify(load)], { execArgv: workerArguments(import.meta.url, process.execArgv), stdio: ["ignore", 2, 2, "ipc"] });
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as readonly Sent[]));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the client ended with ${code}`)));
  });
}
