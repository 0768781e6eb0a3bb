import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { REPOSITORY } from "../../../cli/repository.ts";
import { bundleHandler, describeTasks, type HandlerName, tasksModuleOf } from "../../../infra/bundling.ts";
import { scriptedServer } from "../../aws/scripted-server.ts";
import { INSTALLED } from "../../e2e/setup/paths.ts";
import type { Case, CaseContext } from "../case.ts";
import { median, round } from "../statistics.ts";

/** First event of each function, as small as possible, so the time is that of loading and connecting. */
const EVENTS: Readonly<Record<HandlerName, unknown>> = {
  worker: { Records: [] },
  control: { Records: [] },
  "dead-letter": { Records: [] },
  sweeper: {},
  api: {
    httpMethod: "GET",
    path: "/workflows",
    resource: "/workflows",
    headers: { Host: "bench" },
    requestContext: {},
    isBase64Encoded: false,
    body: null,
  },
  supervisor: { source: "aws.states", time: "2026-01-01T00:00:00Z", detail: { name: "nobody", status: "ABORTED" } },
};
const WITH_TASKS: readonly HandlerName[] = ["worker", "api", "supervisor"];
const CALL = join(REPOSITORY, "test/bench/fanfold/cold-start-call.mjs");

/**
 * Bundles each handler as a deploy does, with the shipped tasks. Starts it `n` times, each in a process of its own,
 * under each Node that is there. Reports medians.
 */
export const run: Case = async (context) => {
  const tasksModule = tasksModuleOf("test/shipped-tasks.ts", REPOSITORY);
  const registry = describeTasks([{ site: "home", tasksModule }]);
  const server = await scriptedServer();
  server.script({ body: { Items: [], Count: 0 } });
  for (const handler of Object.keys(EVENTS) as HandlerName[]) {
    const tasksModules = WITH_TASKS.includes(handler) ? [tasksModule] : [];
    const bundle = bundleHandler({ handler, tasksModules, registry, outDir: join(context.folder, handler) });
    for (const node of nodes()) await start(context, node, handler, bundle, server.endpoint);
  }
  await server.close();
};
/** Lists this Node, and Lambda's own where the end-to-end suite has installed it. */
function nodes(): readonly string[] {
  const lambda = ["x64", "arm64"].map((machine) =>
    join(INSTALLED.packages, "node_modules", `node-linux-${machine}`, "bin", "node"),
  );
  return [process.execPath, ...lambda.filter((path) => existsSync(path))];
}

/** Times of one start, in milliseconds. */
interface Started {
  readonly node: string;
  readonly boot: number;
  readonly load: number;
  readonly call: number;
}
type Bundle = ReturnType<typeof bundleHandler>;
async function start(
  { bench, n, emit }: CaseContext,
  node: string,
  handler: HandlerName,
  { folder, bytes, eagerBytes }: Bundle,
  endpoint: string,
): Promise<void> {
  const env = {
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL: endpoint,
    AWS_LAMBDA_FUNCTION_NAME: "bench",
    FANFOLD_PREFIX: "fanfold",
    FANFOLD_SITE: "home",
    FANFOLD_BUCKET: "bench",
    FANFOLD_QUEUE_URL_BASE: `${endpoint}/queues`,
  };
  const starts: Started[] = [];
  for (let k = 0; k < n; k++) {
    const { stdout } = await promisify(execFile)(
      node,
      [CALL, join(folder, "index.mjs"), JSON.stringify(EVENTS[handler])],
      { env, timeout: 60_000 },
    );
    starts.push(JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Started);
  }
  const of = (field: "boot" | "load" | "call"): number => round(median(starts.map((each) => each[field])));
  emit({
    bench,
    engine: "fanfold",
    n,
    handler,
    node: starts[0]?.node ?? "",
    bootMs: of("boot"),
    loadMs: of("load"),
    firstCallMs: of("call"),
    bundleKb: round(bytes / 1_024),
    eagerKb: round(eagerBytes / 1_024),
  });
}
