import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isRunning } from "../../cli/server-file.ts";
import { parseStat, type ProcessStat, treeOf } from "../bench/process-tree.ts";
import { until } from "../embedded/until.ts";
import { newFolder, type Running, start } from "./cli.ts";

/** Returns the process and all that it has started. */
function familyOf({ child }: Running): number[] {
  const all = readdirSync("/proc").flatMap((name): ProcessStat[] => {
    try {
      return /^\d+$/.test(name) ? [parseStat(readFileSync(`/proc/${name}/stat`, "utf8"))] : [];
    } catch {
      return [];
    }
  });
  return treeOf(all, child.pid as number).map(({ pid }) => pid);
}
/** Signals the command alone, and returns its exit code when nothing that it started is left. */
async function endBy(signal: NodeJS.Signals, running: Running): Promise<number | null> {
  const family = familyOf(running);
  expect(family.length).toBeGreaterThan(1);
  running.child.kill(signal);
  const { code } = await running.ended;
  await until("its processes have ended", () => !family.some(isRunning));
  return code;
}
const BIN = { main: "cli/fanfold.mjs" };
const SLEEP = JSON.stringify({ task: "sleep", args: [60] });

/** A service manager, `timeout` or another program signals one process, where a terminal signals all of them. */
describe.skipIf(process.platform !== "linux")("a signal to the command alone", { timeout: 120_000 }, () => {
  // It answers nothing that a deploy asks.
  const silent = createServer((request, response) => request.method === "GET" && response.end()).listen(0, "127.0.0.1");
  afterAll(() => silent.closeAllConnections());
  afterAll(() => silent.close());

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s ends the dev server in order, with exit code 0",
    async (signal) => {
      const data = newFolder();
      const server = start(["dev", "--port", "0", "--data", data, "--workers", "1", "--json"], undefined, BIN);
      await server.line("stdout", (line) => line.startsWith("{"));
      expect(await endBy(signal, server)).toBe(0);
      expect(existsSync(join(data, "server.json"))).toBe(false);
    },
  );
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends run, and then watch, with exit code %i", async (signal, code) => {
    const data = newFolder();
    const run = start(["run", "-", "--data", data], SLEEP, BIN);
    const jobId = (await run.line("stderr", (line) => line.startsWith("job "))).slice(4);
    expect(await endBy(signal, run)).toBe(code);
    const watch = start(["watch", jobId, "--data", data], undefined, BIN);
    await watch.line("stderr", () => true);
    expect(await endBy(signal, watch)).toBe(code);
  });
  it("SIGTERM ends a simulation with its processes", async () => {
    const sim = start(["--runs", "100000", "--processes", "2"], undefined, { main: "test/sim/main.ts" });
    await until("it has two processes", () => familyOf(sim).length > 2);
    expect(await endBy("SIGTERM", sim)).toBe(143);
  });
  it("SIGTERM ends a deploy onto an emulator, whatever it waits for", async () => {
    const AWS_ENDPOINT_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    // Where CI is set, cdk writes to the standard output.
    const variables = { AWS_ENDPOINT_URL, CI: undefined };
    const deploy = start([], undefined, { main: "infra/local/deploy.ts", variables });
    await deploy.line("stderr", (line) => line.includes("Bootstrapping"));
    expect(await endBy("SIGTERM", deploy)).toBe(143);
  });
});
