import { startDynamoDbLocal } from "./dynamodb-local.ts";
import { emulatorEnvironment } from "./environment.ts";
import { installLocalStack, startLocalStack } from "./localstack/localstack.ts";
import { installMiniStack, startMiniStack } from "./ministack/ministack.ts";
import { installNodePackages } from "./packages.ts";
import { logFile, RUN } from "./paths.ts";
import { freePorts } from "./reachable.ts";
import { say } from "./report.ts";

export type EmulatorName = "MiniStack" | "LocalStack";

/** An emulator that is running and answers. */
export interface Emulator {
  readonly name: EmulatorName;
  readonly endpoint: string;
  /** The file that receives the output of the emulator and of its functions. */
  readonly log: string;
}

/**
 * Starts an emulator of AWS, and installs it into this checkout first if necessary. Throws with what the machine lacks.
 */
export async function startEmulator(name: EmulatorName, given?: number): Promise<Emulator> {
  const port = given ?? (await freePorts(1))[0] ?? 0;
  const endpoint =
    name === "MiniStack"
      ? await startMiniStack(await installMiniStack(), port)
      : await startLocalStack(await installLocalStack(), port);
  say(`${name} at ${endpoint}; logs are in ${RUN}`);
  return { name, endpoint, log: logFile(name.toLowerCase()) };
}

/**
 * The contract suites of the ports, and the other tests against a real service. The timeout is long, because an
 * emulator is slow on a slow machine.
 */
const CONTRACT_TESTS = ["test/contract/aws.test.ts", "test/aws", "--testTimeout=120000"];
/**
 * A service that the contract tests run against: its display name, the arguments for vitest, and the environment that
 * points there.
 */
export interface ContractPlace {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Returns the emulator, and for MiniStack a DynamoDB Local beside it. DynamoDB Local is Amazon's own, so it is the
 * reference for tables. LocalStack keeps its tables in one, so it stands for both, and the costs that tables count are
 * asserted there as well.
 */
export async function contractPlaces({ name, endpoint }: Emulator): Promise<readonly ContractPlace[]> {
  if (name === "LocalStack") {
    const environment = emulatorEnvironment({ AWS_ENDPOINT_URL: endpoint, AWS_ENDPOINT_URL_DYNAMODB: endpoint });
    // The emulator answers with one core. Two files at once would delay each other until the engine takes an answer for
    // lost.
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
