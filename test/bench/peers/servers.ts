import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, mkdirSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { postgresFolder, redisServer } from "./install.ts";

/** A database of a peer with its default settings, except where it listens and where it writes. */
export interface Server {
  readonly port: number;
  readonly version: string;
  stop(): Promise<void>;
}
const START_MS = 30_000;

export async function startRedis(folder: string): Promise<Server> {
  const program = redisServer();
  const port = await freePort();
  const child = spawn(program, ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder], {
    stdio: ["ignore", "ignore", 2],
  });
  await untilListening(port, child);
  const version = /v=(\S+)/.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown";
  return { port, version, stop: () => ended(child, "SIGKILL") };
}
/** Runs as `nobody` where this process is root, because Postgres refuses to run as root. */
export async function startPostgres(folder: string): Promise<Server> {
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const data = join(folder, "postgres");
  mkdirSync(data, { mode: 0o700 });
  if (user.uid !== undefined) {
    chownSync(data, user.uid, user.gid);
    chownSync(folder, user.uid, user.gid);
  }
  const program = (name: string): string => join(postgresFolder(), name);
  const env = { ...process.env, LC_ALL: "C" };
  execFileSync(program("initdb"), ["--pgdata", data, "--username", "postgres", "--auth", "trust"], {
    ...user,
    env,
    cwd: data,
    stdio: ["ignore", "ignore", 2],
  });
  const port = await freePort();
  const settings = [
    "-D",
    data,
    "-p",
    String(port),
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    `unix_socket_directories=${data}`,
  ];
  const child = spawn(program("postgres"), settings, {
    ...user,
    env,
    cwd: data,
    stdio: ["ignore", "ignore", "ignore"],
  });
  await untilListening(port, child);
  const version =
    execFileSync(program("postgres"), ["--version"], { encoding: "utf8" }).trim().split(" ").at(-1) ?? "unknown";
  // A fast stop, because a smart one waits for its clients.
  return { port, version, stop: () => ended(child, "SIGINT") };
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (const end = performance.now() + START_MS; performance.now() < end; await pause(50)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${child.spawnfile} ended at once`);
    if (await listens(port)) return;
  }
  throw new Error(`${child.spawnfile} does not listen after ${START_MS / 1_000} s`);
}
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}
