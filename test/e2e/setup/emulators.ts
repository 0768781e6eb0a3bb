import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Emulators } from "./install.ts";
import { logFile, RUN } from "./paths.ts";
import { launch, tail } from "./processes.ts";
import { say, Stop } from "./report.ts";

const ACCOUNT = "000000000000";
const REGION = "us-east-1";
const START_SECONDS = 90;

export interface Endpoints {
  readonly ministack: string;
  readonly dynamoDbLocal: string;
}

/** Starts both, on free ports of the loopback interface (DynamoDB Local can only listen on all of them), and waits until they answer. */
export async function startEmulators({ ministack, dynamoDbLocal, node }: Emulators): Promise<Endpoints> {
  const [port, dynamoPort] = await freePorts(2);
  const temporary = join(RUN, "tmp");
  mkdirSync(temporary, { recursive: true });
  // It unpacks functions here, with a script of its own that is no ES module, as it would be by this checkout's package.json.
  writeFileSync(join(temporary, "package.json"), "{}");
  const cloud = launch({
    name: "MiniStack",
    command: ministack,
    args: [],
    cwd: RUN,
    log: logFile("ministack"),
    env: {
      ...withoutAws(),
      PATH: `${node}:${process.env.PATH ?? ""}`,
      TMPDIR: temporary,
      BIND_HOST: "127.0.0.1",
      GATEWAY_PORT: String(port),
      MINISTACK_HOST: "127.0.0.1",
      LAMBDA_EXECUTOR: "local",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    },
  });
  const tables = launch({
    name: "DynamoDB Local",
    command: "java",
    args: ["-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar", "-inMemory", "-sharedDb", "-disableTelemetry", "-port", String(dynamoPort)],
    cwd: dynamoDbLocal,
    log: logFile("dynamodb-local"),
  });
  const endpoints = { ministack: `http://127.0.0.1:${port}`, dynamoDbLocal: `http://127.0.0.1:${dynamoPort}` };
  await Promise.all([
    answers("MiniStack", cloud, `${endpoints.ministack}/_ministack/health`, "ministack"),
    answers("DynamoDB Local", tables, endpoints.dynamoDbLocal, "dynamodb-local"),
  ]);
  say(`MiniStack at ${endpoints.ministack}, DynamoDB Local at ${endpoints.dynamoDbLocal}; their logs are in ${RUN}`);
  return endpoints;
}

/** The environment for everything that talks to the emulator, and nothing of the caller's own account. */
export function emulatorEnvironment(endpoint: string): NodeJS.ProcessEnv {
  return {
    ...withoutAws(),
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    CDK_DEFAULT_ACCOUNT: ACCOUNT,
    CDK_DEFAULT_REGION: REGION,
    CDK_DISABLE_VERSION_CHECK: "1",
    CDK_DISABLE_CLI_TELEMETRY: "1",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
}

/** Profiles, credentials and endpoints of whoever runs this must not be met. */
function withoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS|CDK|FANFOLD|LAMBDA|MINISTACK)_/.test(name)));
}

/** Any answer will do: DynamoDB Local refuses an unsigned request. */
async function answers(name: string, child: ChildProcess, url: string, log: string): Promise<void> {
  const until = Date.now() + START_SECONDS * 1_000;
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  ) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone || Date.now() > until)
      throw new Stop(`${name} ${gone ? "ended at once" : `does not answer after ${START_SECONDS} s`}:\n${tail(logFile(log))}\n(all of it: ${logFile(log)})`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Held together until all are known, so that they differ. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Stop("no free port");
      await new Promise((resolve) => server.close(resolve));
      return address.port;
    }),
  );
}
