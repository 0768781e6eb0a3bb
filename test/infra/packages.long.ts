import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { AssetCode } from "aws-cdk-lib/aws-lambda";
import { afterAll, describe, expect, it } from "vitest";
import type { createHandler as control } from "../../functions/handlers/control.ts";
import type { createHandler as worker } from "../../functions/handlers/worker.ts";
import { defineConfig } from "../../functions/sdk/config.ts";
import { chain } from "../../functions/sdk/index.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import { bundleEntry, describeTasks } from "../../infra/bundling.ts";
import { FunctionCode } from "../../infra/constructs/code.ts";
import { ALL_BUNDLED, installPackages, LAMBDA, THIS_MACHINE, type Unbundled } from "../../infra/packages.ts";
import { refusalOf } from "../core/refusal.ts";
import { TestDeployment } from "../handlers/deployment.ts";
import { parse, store } from "./fixtures/package-tasks.ts";
import { BASE } from "./synth.ts";

const root = resolve(import.meta.dirname, "../..");
const sandbox = mkdtempSync(join(tmpdir(), "fanfold-packages-"));
afterAll(() => rmSync(sandbox, { recursive: true, force: true }));
const MODULE = join(import.meta.dirname, "fixtures/package-tasks.ts");
const tasks = "test/infra/fixtures/package-tasks.ts";
const nodeModules = ["lmdb"];

describe("tasks with packages", { timeout: 120_000 }, () => {
  const settings = defineConfig({ ...BASE, tasks, sites: [{ name: "london", nodeModules }] });
  const code = new FunctionCode(settings, { root, outDir: join(sandbox, "functions"), machine: THIS_MACHINE });

  it.each(["worker", "api"] as const)("the code of %s loads in a process of Node alone", (handler) => {
    const { path } = code.of(handler, handler === "worker" ? { site: "london" } : "all").code as AssetCode;
    const main = `import { handler } from ${JSON.stringify(join(path, "index.mjs"))}; console.log(typeof handler);`;
    const env = { AWS_REGION: "eu-west-1", FANFOLD_BUCKET: "b", FANFOLD_QUEUE_URL_BASE: "http://127.0.0.1:9" };
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", main], {
      cwd: sandbox,
      encoding: "utf8",
      env,
    });
    expect(output.trim()).toBe("function");
    expect(readdirSync(join(path, "node_modules"))).toContain("lmdb");
  });

  it("a job uses a CommonJS package and a native one", async () => {
    const entry = join(sandbox, "entry.ts");
    const handlers = ["worker", "control"].map(
      (name) =>
        `export { createHandler as ${name} } from ${JSON.stringify(join(root, `functions/handlers/${name}.ts`))};`,
    );
    writeFileSync(entry, [...handlers, `export * as tasks from ${JSON.stringify(MODULE)};`].join("\n"));
    const { folder } = bundleEntry(entry, join(sandbox, "job"), { nodeModules, external: [] });
    const { path } = code.of("worker", { site: "london" }).code as AssetCode;
    symlinkSync(join(path, "node_modules"), join(folder, "node_modules"));
    const bundled = (await import(join(folder, "index.mjs"))) as {
      readonly worker: typeof worker;
      readonly control: typeof control;
      readonly tasks: { readonly [name: string]: unknown };
    };
    const deployment = new TestDeployment(bundled.tasks, {}, bundled);
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: canvasOf(chain(parse.s(["Ada"]), store.s())) });
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success", value: "Ada" });
  });
});

describe("packages that cannot be bundled", () => {
  const module = (name: string, source: string): string => {
    const path = join(sandbox, `${name}.ts`);
    writeFileSync(path, source);
    return path;
  };
  const codeOf = (tasksModule: string, unbundled: Partial<Unbundled>) => () =>
    describeTasks([{ site: "london", tasksModule, unbundled: { ...ALL_BUNDLED, ...unbundled } }]);

  it("a package that is not there is named, and how to leave it out", () => {
    const path = module("absent", 'export const load = () => import("pg-native");');
    expect(refusalOf(codeOf(path, {})).code).toBe("invalid_tasks");
    expect(codeOf(path, {})).toThrow(/"pg-native"[^]*nodeModules.*external/);
    expect(codeOf(path, { external: ["pg-native"] })()).toEqual({ v: 1, tasks: [] });
  });
  it("a native package that is compiled in is refused at synth, with the line that loads it", () => {
    const path = module("native", `import ${JSON.stringify(join(root, "node_modules/lmdb/index.js"))};`);
    expect(refusalOf(codeOf(path, {})).code).toBe("invalid_tasks");
    expect(codeOf(path, {})).toThrow(`the tasks of ${path} cannot be loaded`);
  });
  it("sites may name the same packages", () => {
    const unbundled = { nodeModules, external: [] };
    const sites = ["london", "paris"].map((site) => ({ site, tasksModule: MODULE, unbundled }));
    expect(describeTasks(sites).tasks.map(({ name }) => name)).toEqual(["packages.parse", "packages.store"]);
  });
  it("nodeModules names only packages that are installed", () => {
    const install = (): void => installPackages(["sharp"], MODULE, join(sandbox, "none"), LAMBDA);
    expect(refusalOf(install).code).toBe("invalid_configuration");
    expect(install).toThrow(/npm install sharp/);
  });
});
