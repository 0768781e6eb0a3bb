import type { PackageJson } from "../../functions/host/own-files.ts";

/** The files of a new project, by path. */
export type ProjectFiles = Readonly<Record<string, string>>;
export interface ProjectRequest {
  /** Name for package.json. */
  readonly name: string;
  /** Whether the project is deployed with the CDK. */
  readonly cdk: boolean;
  /** The package that makes the project. Versions are taken from it. */
  readonly fanfold: PackageJson;
}

/** Returns the files of a project with one task, one workflow and one test. */
export function projectFiles(request: ProjectRequest): ProjectFiles {
  return {
    "package.json": packageJson(request),
    "tsconfig.json": tsconfig(request.cdk),
    ".gitignore": `node_modules/\n.fanfold/\n.env\n${request.cdk ? "cdk.out/\n" : ""}`,
    "fanfold.config.ts": CONFIG,
    "tasks/index.ts": INDEX,
    "tasks/greetings.ts": TASKS,
    "test/greetings.test.ts": TEST,
    "README.md": readme(request),
    ...(request.cdk && { "infra/app.ts": APP, "cdk.json": CDK }),
  };
}

function packageJson({ name, cdk, fanfold }: ProjectRequest): string {
  const { version, peerDependencies, devDependencies } = fanfold;
  // These are the versions that this release was tested with.
  const some = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.toSorted().map((each) => [each, `^${devDependencies[each] ?? ""}`]));
  const peers = Object.keys(peerDependencies).filter((each) => each !== "zod");
  const scripts = {
    dev: "fanfold dev",
    // The shell finds the files: Node 20 does not.
    test: "node --import tsx --test test/*.test.ts",
    check: "tsc",
    ...(cdk && { synth: "cdk synth --quiet", deploy: "cdk deploy --all" }),
  };
  const content = {
    name,
    private: true,
    type: "module",
    scripts,
    dependencies: { fanfold: `^${version}`, ...some(["zod"]) },
    devDependencies: some(["@types/node", "typescript", ...(cdk ? ["aws-cdk", ...peers] : ["tsx"])]),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

function tsconfig(cdk: boolean): string {
  const include = ["tasks", "test", ...(cdk ? ["infra"] : []), "fanfold.config.ts"];
  return `{
  "compilerOptions": {
    "target": "es2023",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noEmit": true,
    "skipLibCheck": true,
    "allowImportingTsExtensions": true
  },
  "include": ${JSON.stringify(include).replaceAll(",", ", ")}
}
`;
}

const CONFIG = `import { defineConfig } from "fanfold/config";

/** Sites, queues and limits. The type of each field documents it. */
export const config = defineConfig({
  site: "local",
  tasks: "tasks/index.ts",
  // Runs at once in each worker process.
  concurrency: 32,
  jobTimeoutDays: 30,
  retentionDays: 7,
});
`;
const INDEX = `/** All tasks and workflows. What is exported here can be run. */
export * from "./greetings.ts";
`;
const TASKS = `import { defineTask, defineWorkflow, group } from "fanfold";
import * as z from "zod";

/** A task is a function with a name. It is repeated when its process dies, so make its effects repeatable. */
export const greet = defineTask({
  name: "greet",
  run: (ctx, name: string) => {
    ctx.log.info("greets", { name });
    return \`Hello, \${name}!\`;
  },
});

/** A workflow makes a canvas of its parameters. The members of a group run in parallel, and keep their order. */
export const greetings = defineWorkflow({
  name: "greetings",
  description: "Greets everybody.",
  parameters: z.object({ names: z.array(z.string()).min(1) }),
  canvas: ({ names }) => group(names.map((name) => greet.s(name))),
});
`;
const TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { TestEngine } from "fanfold/testing";
import * as tasks from "../tasks/index.ts";

test("greets everybody, in order", async () => {
  const engine = new TestEngine({ tasks });
  const value = await engine.run(tasks.greetings, { names: ["Ada", "Grace"] });
  assert.deepEqual(value, ["Hello, Ada!", "Hello, Grace!"]);
});

test("greets in spite of crashes and repeated messages", async () => {
  const engine = new TestEngine({ tasks, faults: { seed: 1, crash: 0.1, redeliver: 0.5 } });
  const value = await engine.run(tasks.greetings, { names: ["Ada", "Grace"] });
  assert.deepEqual(value, ["Hello, Ada!", "Hello, Grace!"]);
});
`;
const APP = `import { App } from "aws-cdk-lib";
import { addDeployment } from "fanfold/cdk";
import { config } from "../fanfold.config.ts";

addDeployment(new App(), config);
`;
const CDK = `{
  "app": "tsx infra/app.ts",
  "output": "cdk.out",
  "versionReporting": false
}
`;

function readme({ name, cdk }: ProjectRequest): string {
  const deploy = `
On AWS:

    npm run synth       # shows what would be made
    npm run deploy      # makes it, in the account of your credentials
`;
  return `# ${name}

    npm install
    npm test            # in memory, in milliseconds
    npm run dev         # engine, workers and HTTP API on this machine
    npx fanfold run greetings --field 'names=["Ada", "Grace"]'
    npx fanfold jobs    # what has run, and what became of it

Run the last two in another terminal. Tasks and workflows are in \`tasks\`, settings in \`fanfold.config.ts\`.
${cdk ? deploy : ""}`;
}
