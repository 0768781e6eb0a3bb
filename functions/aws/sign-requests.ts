import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { AwsClient } from "aws4fetch";
import { FanfoldError } from "../core/errors.ts";

/** Where a deployed API is, and in which region: read from its address unless it has a name of its own. */
export interface SigningOptions {
  readonly url: string;
  readonly region?: string;
}
/**
 * Returns a function that signs requests for API Gateway, with the credentials that the AWS command would take: those
 * of the environment, of a profile, of single sign-on, of the machine. They are renewed before they expire.
 * @throws FanfoldError `invalid_configuration` when there are none, or no region
 */
export async function requestSigner({ url, region }: SigningOptions): Promise<(request: Request) => Promise<Request>> {
  // The client is only asked for its settings. It has the chain of credentials that all commands on AWS share.
  const { config } = new DynamoDBClient({});
  const found = region ?? /\.execute-api\.([\w-]+)\./.exec(url)?.[1] ?? (await config.region().catch(() => undefined));
  if (found === undefined) throw missing("no region is known: set AWS_REGION", undefined);
  await config.credentials().catch((cause: unknown) => {
    throw missing("no AWS credentials were found: set AWS_PROFILE, or sign in with `aws sso login`", cause);
  });
  return async (request) => {
    const { accessKeyId, secretAccessKey, sessionToken } = await config.credentials();
    const keys = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
    const body = request.body === null ? null : await request.arrayBuffer();
    const { method, headers } = request;
    return new AwsClient({ ...keys, service: "execute-api", region: found }).sign(request.url, {
      method,
      headers,
      body,
    });
  };
}
function missing(message: string, cause: unknown): FanfoldError {
  return new FanfoldError("invalid_configuration", message, { cause });
}
