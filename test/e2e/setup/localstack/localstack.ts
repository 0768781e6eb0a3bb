import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startDynamoDbLocal } from "../dynamodb-local.ts";
import { withoutAws } from "../environment.ts";
import { checkJava, installNodePackages, installPython, type NodePackages } from "../packages.ts";
import { INSTALLED, logFile, RUN, TEMPORARY } from "../paths.ts";
import { launch } from "../processes.ts";
import { answers, freePorts } from "../reachable.ts";
import { VERSIONS } from "../versions.ts";
import { findPython } from "./python.ts";

const LOG = "localstack";
const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");
/** The replacements of LocalStack's internals; docs/guide-aws.md lists them. */
const PLUGIN = join(import.meta.dirname, "plugin");

/** The programs that LocalStack runs on. */
export interface LocalStack extends NodePackages {
  readonly python: string;
}

/** Installs LocalStack. Throws with what the machine lacks. */
export async function installLocalStack(): Promise<LocalStack> {
  checkJava();
  const python = installPython(`LocalStack ${VERSIONS.localstack}`, INSTALLED.localstack, {
    python: findPython(),
    requirements: REQUIREMENTS,
  });
  const [packages, programs] = await Promise.all([installNodePackages(), python]);
  return { ...packages, python: join(programs, "python") };
}

/**
 * Starts LocalStack without Docker on the loopback interface, with its own DynamoDB Local. Waits until it answers and
 * returns its address.
 */
export async function startLocalStack(installed: LocalStack, port: number): Promise<string> {
  const [dynamoPort = 0] = await freePorts(1);
  await startDynamoDbLocal(installed.dynamoDbLocal, dynamoPort);
  const state = join(TEMPORARY, "localstack");
  mkdirSync(state, { recursive: true });
  const child = launch({
    name: "LocalStack",
    command: installed.python,
    args: ["-m", "localstack.runtime.main"],
    cwd: RUN,
    log: logFile(LOG),
    env: { ...withoutAws(), ...environment(installed, { port, dynamoPort, state }) },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await answers("LocalStack", child, `${endpoint}/_localstack/health`, LOG);
  return endpoint;
}

function environment(
  { node, lambdaRuntimeClient }: LocalStack,
  { port, dynamoPort, state }: { readonly port: number; readonly dynamoPort: number; readonly state: string },
): NodeJS.ProcessEnv {
  return {
    PYTHONPATH: PLUGIN,
    PYTHONDONTWRITEBYTECODE: "1",
    LAMBDA_RUNTIME_EXECUTOR: "process",
    FANFOLD_LOCALSTACK_NODE: join(node, "node"),
    FANFOLD_LOCALSTACK_RIC: lambdaRuntimeClient,
    DYNAMODB_LOCAL_PORT: String(dynamoPort),
    // Without this, LocalStack writes into its own package and the home folder.
    FILESYSTEM_ROOT: state,
    TMPDIR: state,
    XDG_CACHE_HOME: state,
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
    // These turn off the DNS server on port 53, telemetry and downloads.
    DNS_ADDRESS: "0",
    DISABLE_EVENTS: "1",
    SKIP_SSL_CERT_DOWNLOAD: "1",
    // LocalStack polls a queue again after 1 s, and after up to 10 s when it was empty. AWS polls all the time.
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: "0.05",
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: "0.5",
    // LocalStack keeps idle processes for ten minutes. One minute is enough on a small machine.
    LAMBDA_KEEPALIVE_MS: "60000",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    // At the default level LocalStack writes a line for each request.
    LS_LOG: "warn",
  };
}
