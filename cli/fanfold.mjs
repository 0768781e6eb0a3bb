#!/usr/bin/env node
// The `fanfold` command of a clone. It runs the sources through tsx in a process of their own, so worker processes
// inherit the loader.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), main, ...process.argv.slice(2)], {
  stdio: "inherit",
});
// A terminal sends Ctrl-C to both processes; a supervisor's SIGTERM reaches only this one.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
