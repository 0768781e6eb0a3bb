import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { createHandler as control } from "../../functions/handlers/control.ts";
import type { createHandler as worker } from "../../functions/handlers/worker.ts";
import { chord, group } from "../../functions/sdk/index.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import { add, sum } from "../../functions/tasks/examples.ts";
import { TestDeployment } from "./deployment.ts";
import {
  type Bundle,
  bundleEntry,
  bundleHandler,
  describeTasks,
  type HandlerName,
  tasksModuleOf,
} from "../../infra/bundling.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const sandbox = mkdtempSync(join(tmpdir(), "fanfold-bundles-"));
afterAll(() => rmSync(sandbox, { recursive: true, force: true }));
const tasksModule = tasksModuleOf("test/shipped-tasks.ts", root);
const registry = describeTasks([{ site: "home", tasksModule }]);
const bundle = (handler: HandlerName): Bundle => {
  const tasksModules = ["worker", "api", "supervisor"].includes(handler) ? [tasksModule] : [];
  return bundleHandler({ handler, tasksModules, registry, outDir: join(sandbox, handler) });
};
interface Bundled {
  readonly worker: typeof worker;
  readonly control: typeof control;
  readonly tasks: { readonly [name: string]: unknown };
}
const HANDLERS: readonly HandlerName[] = ["worker", "control", "api", "sweeper", "dead-letter", "supervisor"];

describe("bundles", () => {
  // Bytes of minified code: in total, and read by each cold start.
  // Tasks that are shipped are in each bundle, with the path tasks and the submitter that checksum-manifest is made of (85 KB).
  // The API of OpenTelemetry (25 KB) is a file of its own, which is read only where an SDK is registered.
  const budgets: Readonly<Record<HandlerName, readonly [bytes: number, eagerBytes: number]>> = {
    worker: [1_115_000, 890_000],
    // These two have the calendar of schedules (180 KB), and control the workflows that a schedule starts.
    control: [1_230_000, 985_000],
    api: [1_480_000, 1_235_000],
    sweeper: [950_000, 730_000],
    "dead-letter": [960_000, 740_000],
    supervisor: [1_140_000, 895_000],
  };
  it.each(HANDLERS)("the bundle of %s stays within its budget and loads without other files", (handler) => {
    const { folder, bytes, eagerBytes } = bundle(handler);
    const [most, mostEager] = budgets[handler];
    expect.soft(bytes).toBeLessThanOrEqual(most);
    expect.soft(eagerBytes).toBeLessThanOrEqual(mostEager);
    // The bundle runs in a process of its own, which ends only when nothing keeps it open.
    const main = `import { handler } from ${JSON.stringify(join(folder, "index.mjs"))}; console.log(typeof handler);`;
    const environment = {
      AWS_REGION: "eu-west-1",
      FANFOLD_PREFIX: "fanfold",
      FANFOLD_SITE: "home",
      FANFOLD_BUCKET: "b",
      FANFOLD_QUEUE_URL_BASE: "http://127.0.0.1:9",
    };
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", main], {
      encoding: "utf8",
      cwd: sandbox,
      timeout: 60_000,
      env: environment,
    });
    expect(output.trim()).toBe("function");
    expect(readFileSync(join(folder, "index.mjs"), "utf8")).not.toContain("createRequire");
  });

  it("source maps are kept beside the code that is deployed", () => {
    const { folder } = bundle("sweeper");
    expect(readdirSync(folder).filter((name) => name.endsWith(".map"))).toEqual([]);
    expect(readdirSync(join(sandbox, "sweeper", "maps")).length).toBeGreaterThan(0);
  });

  it("minified bundles run a chord to its end, over ports in memory", async () => {
    const outDir = join(sandbox, "together");
    const entry = join(outDir, "entry.ts");
    mkdirSync(outDir);
    const parts = { worker: "functions/handlers/worker.ts", control: "functions/handlers/control.ts" };
    const source = Object.entries(parts).map(
      ([name, path]) => `export { createHandler as ${name} } from ${JSON.stringify(join(root, path))};`,
    );
    writeFileSync(entry, [...source, `export * as tasks from ${JSON.stringify(tasksModule)};`].join("\n"));
    const { folder } = bundleEntry(entry, outDir);
    const { worker, control, tasks } = (await import(join(folder, "index.mjs"))) as Bundled;
    const deployment = new TestDeployment(tasks, {}, { worker, control });
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: canvasOf(chord(group([add.s(1, 2), add.s(3, 4)]), sum.s())) });
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success", value: 10 });
  });

  it("bundles return every message while AWS is out of reach, and the process ends", () => {
    const { folder } = bundle("worker");
    const record = {
      messageId: "m",
      receiptHandle: "r",
      body: '{"v":1,"kind":"members","gid":"J","step":0,"members":[0]}',
      attributes: { ApproximateReceiveCount: "1" },
    };
    const main = `
      import { handler } from ${JSON.stringify(join(folder, "index.mjs"))};
      const record = { ...${JSON.stringify(record)}, eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:q" };
      const end = Date.now() + 3000;
      const answer = await handler({ Records: [record] }, { awsRequestId: "1", getRemainingTimeInMillis: () => end - Date.now() });
      console.log(JSON.stringify(answer));`;
    const environment = {
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
      FANFOLD_SITE: "home",
      FANFOLD_BUCKET: "b",
      FANFOLD_QUEUE_URL_BASE: "http://127.0.0.1:9",
    };
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", main], {
      encoding: "utf8",
      cwd: sandbox,
      timeout: 60_000,
      env: environment,
    });
    expect(output.trim().split("\n").at(-1)).toBe('{"batchItemFailures":[{"itemIdentifier":"m"}]}');
  });
});

describe("the registry of a deployment", () => {
  const module = (name: string, source: string): string => {
    const folder = join(sandbox, "modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, "index.ts"),
      `import { defineTask } from ${JSON.stringify(join(root, "functions/sdk/index.ts"))};\n${source}`,
    );
    return tasksModuleOf(folder);
  };
  const of = (site: string, name: string, source: string) => ({ site, tasksModule: module(name, source) });

  it("the registry names the queue of each task, with its site", () => {
    const { tasks } = describeTasks([
      of("home", "one", 'export const a = defineTask({ name: "a", run: () => 1 });'),
      of(
        "paris",
        "two",
        'export const b = defineTask({ name: "b", queue: "fast", run: () => 1 }); export const c = defineTask({ name: "c", queue: "home.x", run: () => 1 });',
      ),
    ]);
    expect(tasks.map(({ name, queue }) => [name, queue])).toEqual([
      ["a", "home.default#worker"],
      ["b", "paris.fast#worker"],
      ["c", "home.x#worker"],
    ]);
  });
  it("the registry refuses one name for two tasks that differ", () => {
    const sites = [
      of("home", "three", 'export const a = defineTask({ name: "a", run: () => 1 });'),
      of("paris", "four", 'export const a = defineTask({ name: "a", version: 2, run: () => 1 });'),
    ];
    expect(() => describeTasks(sites)).toThrow(/two sites define the task a/);
  });
  it("a missing tasks module is named in the error", () =>
    expect(() => tasksModuleOf(join(sandbox, "none"))).toThrow(/no tasks module at/));
  it("tasks modules are described in a process of their own", () => {
    describeTasks([
      of(
        "home",
        "five",
        `import { writeFileSync } from "node:fs"; globalThis.seen = true; writeFileSync(${JSON.stringify(join(sandbox, "ran"))}, "");`,
      ),
    ]);
    expect(existsSync(join(sandbox, "ran"))).toBe(true);
    expect(globalThis).not.toHaveProperty("seen");
  });
});
