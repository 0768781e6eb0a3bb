import { AwsClient } from "aws4fetch";
import type { Variables } from "./client-options.ts";

/** Where a secret is: in Secrets Manager, or in the Parameter Store of Systems Manager. */
export interface SecretPlace {
  /** Name or ARN. */
  readonly secret?: string;
  /** Field of a JSON object. */
  readonly field?: string;
  /** Name or ARN. */
  readonly parameter?: string;
}
/** What reading a secret has come to. `code` is that of AWS. `passing` says that another try may succeed soon. */
export type SecretAnswer =
  | { readonly value: string }
  | { readonly problem: string; readonly passing: boolean; readonly cause?: unknown };

const ANSWER_MS = 5_000;
const RETRIES = 2;

/**
 * Reads one secret. Two calls of two services do not need their clients of the SDK, which would be as large as a worker.
 * Nothing of the answer but the value is returned, so it cannot reach a log.
 */
export async function readSecret(place: SecretPlace, variables: Variables): Promise<SecretAnswer> {
  const call =
    place.parameter === undefined
      ? {
          service: "secretsmanager",
          target: "secretsmanager.GetSecretValue",
          name: place.secret ?? "",
          body: { SecretId: place.secret },
        }
      : {
          service: "ssm",
          target: "AmazonSSM.GetParameter",
          name: place.parameter,
          body: { Name: place.parameter, WithDecryption: true },
        };
  let response: Response;
  let body: Answer;
  try {
    response = await send(call, variables);
    body = (await response.json()) as Answer;
  } catch (cause) {
    return { problem: "AWS could not be reached", passing: true, cause };
  }
  if (!response.ok) {
    const code = body.__type?.split("#").at(-1) ?? `HTTP ${response.status}`;
    return { problem: code, passing: response.status >= 500 || response.status === 429 || PASSING.test(code) };
  }
  const text = place.parameter === undefined ? body.SecretString : body.Parameter?.Value;
  if (text === undefined) return { problem: "it holds bytes, and no text", passing: false };
  return place.field === undefined ? { value: text } : fieldOf(text, place.field);
}
const PASSING = /Throttl|TooManyRequests|InternalService|InternalServer|Unavailable/;
interface Answer {
  readonly __type?: string;
  readonly SecretString?: string;
  readonly Parameter?: { readonly Value?: string };
}

function fieldOf(text: string, field: string): SecretAnswer {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return { problem: `it is no JSON object, so it has no field ${field}`, passing: false };
  }
  const value =
    typeof fields === "object" && fields !== null && Object.hasOwn(fields, field)
      ? (fields as { readonly [name: string]: unknown })[field]
      : undefined;
  if (typeof value === "string") return { value };
  if (typeof value === "number" || typeof value === "boolean") return { value: String(value) };
  return { problem: `it has no field ${field} that is text or a number`, passing: false };
}

interface Call {
  readonly service: string;
  readonly target: string;
  readonly name: string;
  readonly body: object;
}
async function send({ service, target, name, body }: Call, variables: Variables): Promise<Response> {
  // A secret of another region is asked for there.
  const region = /^arn:[^:]+:[^:]+:([^:]+):/.exec(name)?.[1] ?? variables["AWS_REGION"] ?? "us-east-1";
  const client = new AwsClient({
    accessKeyId: variables["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: variables["AWS_SECRET_ACCESS_KEY"] ?? "",
    ...(variables["AWS_SESSION_TOKEN"] && { sessionToken: variables["AWS_SESSION_TOKEN"] }),
    service,
    region,
    retries: RETRIES,
  });
  return client.fetch(endpointOf(service, region, variables), {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
}
function endpointOf(service: string, region: string, variables: Variables): string {
  const own = variables[`AWS_ENDPOINT_URL_${service === "ssm" ? "SSM" : "SECRETS_MANAGER"}`];
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return own || variables["AWS_ENDPOINT_URL"] || `https://${service}.${region}.${domain}/`;
}
