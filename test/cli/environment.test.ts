import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { READ_SOURCES } from "../read-sources.ts";
import { jsonLines, newFolder, ROOT } from "./cli.ts";

const folder = newFolder();
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const of = (path: string): string => JSON.stringify(join(ROOT, "functions/sdk", path));
write("package.json", '{ "type": "module" }');
write(
  "fanfold.config.ts",
  `import { defineConfig } from ${of("config.ts")};
export const config = defineConfig({
  site: "local",
  concurrency: 4,
  jobTimeoutDays: 1,
  retentionDays: 1,
  tasks: "tasks.ts",
  sites: [{ name: "local", environment: { PLACE: "here", OTHER: "x" }, secrets: { STRIPE: { secret: "shop" } } }],
});`,
);
write(
  "tasks.ts",
  `import * as z from ${JSON.stringify(join(ROOT, "node_modules/zod/index.js"))};
import { defineTask, defineWorkflow } from ${of("index.ts")};
const { PLACE, OTHER } = process.env;
export const told = defineTask({ name: "told", run: async (ctx) => [PLACE, OTHER, await ctx.secret("STRIPE")] });
export const ask = defineWorkflow({ name: "ask", parameters: z.object({}), canvas: () => told.s() });`,
);
/** Runs the workflow in the folder of the project, by a worker process. */
function ask(variables: NodeJS.ProcessEnv = {}) {
  const args = [...READ_SOURCES, join(ROOT, "cli/main.ts"), "run", "ask", "--data", newFolder(), "--json"];
  const env = { ...process.env, NO_COLOR: "1", npm_lifecycle_event: undefined, ...variables };
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: "utf8" });
  const last = jsonLines<{ value?: unknown; error?: { code: string; message: string } }>(stdout).at(-1);
  return { status, ...last };
}

describe("the environment of a project", { timeout: 120_000 }, () => {
  it("lacks a secret, which is said before anything starts", () => {
    const { status, error } = ask();
    expect([status, error?.code]).toEqual([2, "missing_environment"]);
    expect(error?.message).toContain("STRIPE (a secret)");
  });
  it("is .env, below the environment of the process and above the configuration", () => {
    write(".env", 'STRIPE="sk_1"\nPLACE=there\n');
    expect(ask().value).toEqual(["there", "x", "sk_1"]);
    expect(ask({ PLACE: "mine", STRIPE: "sk_2" }).value).toEqual(["mine", "x", "sk_2"]);
    rmSync(join(folder, ".env"));
  });
});
