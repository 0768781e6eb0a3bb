import { expect, it } from "vitest";
import { newFolder, start } from "./cli.ts";
import { operate } from "./operate.ts";

it("a job is started, watched, failed, looked into and cancelled on a dev server", { timeout: 120_000 }, async () => {
  const data = newFolder();
  const server = start(["dev", "--port", "0", "--data", data, "--workers", "1"]);
  expect(await server.line("stdout", (line) => line.includes("Ctrl-C"))).toContain("openapi.json");
  await operate((args, input) => start([...args, "--data", data], input).ended, "no such file");
});
