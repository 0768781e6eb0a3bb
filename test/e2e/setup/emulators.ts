import { startDynamoDbLocal } from "./dynamodb-local.ts";
import { emulatorEnvironment } from "./environment.ts";
import { installLocalStack, startLocalStack } from "./localstack/localstack.ts";
import { installMiniStack, startMiniStack } from "./ministack/ministack.ts";
import { installNodePackages } from "./packages.ts";
import { logFile, RUN } from "./paths.ts";
import { freePorts } from "./reachable.ts";
import { say } from "./report.ts";

export type EmulatorName = "MiniStack" | "LocalStack";

/** An emulator that runs and answers. */
export interface Emulator {
  readonly name: EmulatorName;
  readonly endpoint: string;
  /** File with what it and its functions print. */
  readonly log: string;
}

/** Installs an emulator of AWS into this checkout, if need be, and starts it. Throws with what is missing on the machine. */
export async function startEmulator(name: EmulatorName, given?: number): Promise<Emulator> {
  const port = given ?? (await freePorts(1))[0] ?? 0;
  const endpoint =
    name === "MiniStack"
      ? await startMiniStack(await installMiniStack(), port)
      : await startLocalStack(await installLocalStack(), port);
  say(`${name} at ${endpoint}; logs are in ${RUN}`);
  return { name, endpoint, log: logFile(name.toLowerCase()) };
}

/** The contract suites of the ports, and what else is tested against a real service. An emulator on a slow machine takes its time. */
const CONTRACT_TESTS = ["test/contract/aws.test.ts", "test/aws", "--testTimeout=120000"];
/** Where they run: a name for people, the arguments for vitest, and the environment that points there. */
export interface ContractPlace {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * The emulator, and beside MiniStack a DynamoDB Local, which is Amazon's own and the reference for tables. LocalStack's tables are in one, so it stands for both,
 * and what tables count is asserted there as well.
 */
export async function contractPlaces({ name, endpoint }: Emulator): Promise<readonly ContractPlace[]> {
  if (name === "LocalStack") {
    const environment = emulatorEnvironment({ AWS_ENDPOINT_URL: endpoint, AWS_ENDPOINT_URL_DYNAMODB: endpoint });
    // It answers with one core: two files at once would only wait for each other, until the engine takes an answer for lost.
    return [{ name, args: [...CONTRACT_TESTS, "--no-file-parallelism"], environment }];
  }
  const [{ dynamoDbLocal }, [port = 0]] = await Promise.all([installNodePackages(), freePorts(1)]);
  const tables = await startDynamoDbLocal(dynamoDbLocal, port);
  return [
    {
      name: "DynamoDB Local",
      args: CONTRACT_TESTS,
      environment: emulatorEnvironment({ AWS_ENDPOINT_URL_DYNAMODB: tables }),
    },
    { name, args: CONTRACT_TESTS, environment: emulatorEnvironment({ AWS_ENDPOINT_URL: endpoint }) },
  ];
}
