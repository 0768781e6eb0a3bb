import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Client, createClient } from "../../functions/client/index.ts";
import { READ_SOURCES } from "../read-sources.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Vitest has no way to ask where a package is. */

/** A dev server in a process of its own, which can be killed and started again on the same data and port. */
export class DevServer {
  readonly data: string;
  readonly port: number;
  #child: ChildProcess | undefined;

  constructor(data: string, port: number) {
    this.data = data;
    this.port = port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  get token(): string {
    return readFileSync(join(this.data, "token"), "utf8").trim();
  }
  get link(): string {
    return `${this.url}/#token=${this.token}`;
  }
  client(): Client {
    return createClient({ url: this.url, token: this.token });
  }
  async start(): Promise<void> {
    const main = join(ROOT, "cli/main.ts");
    const tasks = join(ROOT, "test/web/tasks.ts");
    const args = [
      "dev",
      "--json",
      "--data",
      this.data,
      "--port",
      String(this.port),
      "--workers",
      "1",
      "--tasks",
      tasks,
    ];
    const child = spawn(process.execPath, [...READ_SOURCES, main, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    const lines = createInterface(child.stdout);
    const line = await Promise.race([
      once(lines, "line").then(([text]) => String(text)),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the dev server ended with ${String(code)}`))),
    ]);
    JSON.parse(line);
  }
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
