/** Environment variables of a process. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Open connections per client. A batch of messages rarely makes more calls at the same time. */
export const MAX_SOCKETS = 128;
const CONNECT_MS = 3_000;

/**
 * Returns the options that every client is made with. The SDK does not retry, because it would hide whether an answer
 * was lost; retry.ts retries instead. Connections stay open. Every call has a timeout, because a frozen process may
 * thaw with a dead connection.
 */
export function clientOptions(
  variables: Variables,
  service: "DYNAMODB" | "SQS" | "S3" | "SFN",
  answerMs: number,
): ClientOptions {
  const endpoint = endpointOf(variables, service);
  const region = variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"];
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  };
}
interface ClientOptions {
  readonly maxAttempts: number;
  readonly requestHandler: object;
  readonly region?: string;
  readonly endpoint?: string;
}

/** Returns the URL of an emulator, or undefined when the client talks to AWS. */
export function endpointOf(variables: Variables, service: "DYNAMODB" | "SQS" | "S3" | "SFN"): string | undefined {
  return variables[`AWS_ENDPOINT_URL_${service}`] || variables["AWS_ENDPOINT_URL"] || undefined;
}
