import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parseRssAnonMb, parseStat, TreeMeter, treeOf } from "./process-tree.ts";

it("a process may have a name that looks like more fields", () => {
  const text = "4711 (a ) S 1 (b) R 42 4711 4711 0 -1 4194304 100 0 0 0 150 50 25 75 20 0 1 0 12345 0 0";
  expect(parseStat(text)).toEqual({ pid: 4711, parent: 42, cpuSeconds: 3 });
});
it("anonymous memory is read in megabytes, and is zero where the status has none", () => {
  expect(parseRssAnonMb("Name:\tnode\nVmRSS:\t 999999 kB\nRssAnon:\t  204800 kB\nRssFile:\t 1 kB\n")).toBe(200);
  expect(parseRssAnonMb("Name:\tkthreadd\n")).toBe(0);
});
it("a process tree is a process and all its descendants", () => {
  const of = (pid: number, parent: number) => ({ pid, parent, cpuSeconds: 0 });
  const all = [of(1, 0), of(7, 5), of(5, 2), of(2, 1), of(3, 1), of(6, 3)];
  expect(treeOf(all, 2).map(({ pid }) => pid)).toEqual([2, 5, 7]);
  expect(treeOf(all, 99)).toEqual([]);
});
it.skipIf(process.platform !== "linux")("the meter sees the CPU time and the memory of a working child", async () => {
  const child = fork(fileURLToPath(new URL("./busy.mjs", import.meta.url)));
  try {
    await once(child, "message");
    const meter = new TreeMeter(process.pid);
    child.send("work");
    await once(child, "message");
    const { cpuSeconds, rssMb, rssOthersMb } = meter.stop();
    expect(cpuSeconds).toBeGreaterThanOrEqual(0.2);
    expect(rssOthersMb).toBeGreaterThanOrEqual(200);
    expect(rssMb).toBeGreaterThanOrEqual(rssOthersMb);
  } finally {
    child.kill("SIGKILL");
  }
});
