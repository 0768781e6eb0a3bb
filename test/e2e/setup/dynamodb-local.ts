import { logFile } from "./paths.ts";
import { launch } from "./processes.ts";
import { answers } from "./reachable.ts";

const LOG = "dynamodb-local";

/**
 * Starts DynamoDB Local in memory, waits until it answers, and returns its address. It can only listen on all
 * addresses. `folder` holds DynamoDBLocal.jar.
 */
export async function startDynamoDbLocal(folder: string, port: number): Promise<string> {
  const child = launch({
    name: "DynamoDB Local",
    command: "java",
    args: [
      "-Djava.library.path=./DynamoDBLocal_lib",
      "-jar",
      "DynamoDBLocal.jar",
      "-inMemory",
      "-sharedDb",
      "-disableTelemetry",
      "-port",
      String(port),
    ],
    cwd: folder,
    log: logFile(LOG),
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await answers("DynamoDB Local", child, endpoint, LOG);
  return endpoint;
}
