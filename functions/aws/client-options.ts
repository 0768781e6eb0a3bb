/** Environment variables, as a function gets them. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Calls at the same time, per client. A batch of messages rarely has more open. */
export const MAX_SOCKETS = 128;
const CONNECT_MS = 3_000;

/**
 * What every client is made with. The SDK repeats nothing: it would not tell whether an answer was lost (retry.ts does). Connections stay open; a call that
 * is not answered ends, because a frozen process may thaw with a dead one.
 */
export function clientOptions(variables: Variables, service: "DYNAMODB" | "SQS" | "S3" | "SFN", answerMs: number): ClientOptions {
  const endpoint = endpointOf(variables, service);
  const region = variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"];
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: answerMs, throwOnRequestTimeout: true, httpAgent: agent, httpsAgent: agent },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}
interface ClientOptions {
  readonly maxAttempts: number;
  readonly requestHandler: object;
  readonly region?: string;
  readonly endpoint?: string;
}

/** Where an emulator listens; undefined: AWS. */
export function endpointOf(variables: Variables, service: "DYNAMODB" | "SQS" | "S3" | "SFN"): string | undefined {
  return variables[`AWS_ENDPOINT_URL_${service}`] || variables["AWS_ENDPOINT_URL"] || undefined;
}
