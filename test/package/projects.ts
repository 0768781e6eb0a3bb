/** Programs of users, as text: a checker of this checkout would find no package in them. */

/** Plain JavaScript: tasks, a configuration, and programs with an engine of their own. */
export const PLAIN = {
  "package.json": '{ "name": "plain", "private": true, "type": "module" }\n',
  "tasks.mjs": `import { chord, defineTask, defineWorkflow, group } from "fanfold";
import * as z from "zod";
export const square = defineTask({ name: "square", run: (_ctx, x) => x * x });
export const total = defineTask({ name: "total", run: (_ctx, xs) => xs.reduce((sum, x) => sum + x, 0) });
export const squares = defineWorkflow({
  name: "squares",
  parameters: z.object({ n: z.int() }),
  canvas: ({ n }) => chord(group(Array.from({ length: n }, (_, i) => square.s(i))), total.s()),
});
`,
  "fanfold.config.mjs": `import { defineConfig } from "fanfold/config";
export const config = defineConfig({ site: "local", tasks: "tasks.mjs", concurrency: 4, jobTimeoutDays: 1, retentionDays: 1 });
`,
  "embed.mjs": `import { startFanfold } from "fanfold/embedded";
import * as tasks from "./tasks.mjs";
const given = process.argv[2] === "workers" ? { tasks: new URL("./tasks.mjs", import.meta.url), workers: 1 } : { tasks };
const fanfold = await startFanfold({ ...given, data: ".fanfold/" + process.argv[2] });
console.log(await fanfold.run(tasks.squares, { n: 4 }));
await fanfold.stop();
`,
} as const;

/** TypeScript without a tool that reads it. */
export const TYPED_CONFIG = {
  "package.json": '{ "name": "typed-config", "private": true, "type": "module" }\n',
  "tasks.ts": `import { defineTask } from "fanfold";
export const twice = defineTask({ name: "twice", run: (_ctx, x: number): number => 2 * x });
`,
  "fanfold.config.ts": `import { defineConfig } from "fanfold/config";
export const config = defineConfig({ site: "local", tasks: "tasks.ts", concurrency: 4, jobTimeoutDays: 1, retentionDays: 1 });
`,
  "canvas.json": '{ "task": "twice", "args": [4] }\n',
} as const;

/** Uses of every export, for compilers. */
export const TYPES = `import { chain, defineTask, group, type TaskContext } from "fanfold";
import { createClient, type Job } from "fanfold/client";
import { defineConfig } from "fanfold/config";
import { startFanfold, type Fanfold } from "fanfold/embedded";
import { definePathTask, FileActionStatus } from "fanfold/paths";
import { expectCallbackOnce, runTask, TestEngine } from "fanfold/testing";

const add = defineTask({ name: "add", run: (_ctx: TaskContext, a: number, b: number) => a + b });
export const touch = definePathTask({
  name: "touch",
  run: (ctx, { paths, jobid }) => new FileActionStatus(ctx.task, paths, jobid, ctx.queue).dump(),
});
export const settings = defineConfig({ site: "home", concurrency: 1, jobTimeoutDays: 1, retentionDays: 1 });
export async function embed(): Promise<number> {
  const fanfold: Fanfold = await startFanfold({ tasks: { add }, data: "data", settings });
  const five: number = await fanfold.run(chain(add.s(1, 1), add.s(3)));
  // @ts-expect-error The task takes numbers.
  group([add.s("1", 2)]);
  // @ts-expect-error The value is a number.
  const text: string = await fanfold.run(add.s(1, 2));
  return five + text.length;
}
export async function check(): Promise<void> {
  const engine = new TestEngine({ tasks: { add }, faults: { seed: 1, crash: 0.1 } });
  const three: number = await engine.run(add.s(1, 2));
  expectCallbackOnce(engine, add);
  const { value, logs } = await runTask(add, [three, 1]);
  console.log(value, logs.length);
}
export const read = (jobId: string): Promise<Job> => createClient({ url: "http://127.0.0.1:7420" }).job(jobId);
`;
export const CDK_TYPES = `import { App, Stack } from "aws-cdk-lib";
import { addDeployment, FanfoldEngine, FunctionCode, type Settings } from "fanfold/cdk";
import { config } from "./fanfold.config.ts";

const settings: Settings = config;
addDeployment(new App(), settings);
export const engine = new FanfoldEngine(new Stack(), "Engine", { settings, code: new FunctionCode(settings) });
`;
export function tsconfig(resolution: "nodenext" | "bundler", files: readonly string[], skipLibCheck: boolean): string {
  const module = resolution === "bundler" ? "esnext" : "nodenext";
  const options = { target: "es2023", module, moduleResolution: resolution, strict: true, noEmit: true, skipLibCheck };
  const imports = { types: ["node"], allowImportingTsExtensions: true };
  return JSON.stringify({ compilerOptions: { ...options, ...imports }, files });
}
