import { Buffer } from "node:buffer";
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from "aws-lambda";
import { problemResponse } from "../api/problem.ts";
import { FanfoldError } from "../core/errors.ts";

/**
 * Returns the proxy event of a REST API as a web-standard request. Throws `invalid_request` for an event that is none.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
export function requestOf(event: APIGatewayProxyEvent): Request {
  try {
    return makeRequest(event);
  } catch (cause) {
    throw new FanfoldError("invalid_request", "a header, or the address, has characters that HTTP does not carry", {
      cause,
    });
  }
}
function makeRequest(event: APIGatewayProxyEvent): Request {
  const headers = new Headers();
  for (const [name, values] of Object.entries(event.multiValueHeaders ?? {}))
    for (const value of values ?? []) headers.append(name, value);
  for (const [name, value] of Object.entries(event.headers ?? {}))
    if (value !== undefined && !headers.has(name)) headers.set(name, value);
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(event.multiValueQueryStringParameters ?? {}))
    for (const value of values ?? []) query.append(name, value);
  for (const [name, value] of Object.entries(event.queryStringParameters ?? {}))
    if (!query.has(name)) query.set(name, value ?? "");
  const url = new URL(`https://${event.requestContext.domainName ?? "api"}${encodePath(event.path)}`);
  url.search = query.toString();
  const body =
    event.body === null || event.body === ""
      ? null
      : Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8");
  if (body === null || event.httpMethod === "GET" || event.httpMethod === "HEAD")
    return new Request(url, { method: event.httpMethod, headers });
  headers.set("Content-Length", String(body.byteLength));
  return new Request(url, { method: event.httpMethod, headers, body });
}
/** Encodes a path again, because API Gateway decodes it. A decoded `?` would end the path early. `:` is part of routes. */
function encodePath(path: string): string {
  return path
    .split("/")
    .map((part) => encodeURIComponent(safeDecode(part)).replaceAll("%3A", ":"))
    .join("/");
}
function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Returns the caller that API Gateway has identified: a user of the user pool, or an IAM identity. */
export function principalOf({ requestContext }: APIGatewayProxyEvent): string {
  const claims = requestContext.authorizer?.["claims"] as { readonly sub?: unknown } | undefined;
  if (typeof claims?.sub === "string") return claims.sub;
  return requestContext.identity.userArn ?? requestContext.identity.caller ?? "anonymous";
}

/**
 * Returns the whole answer in one piece. An answer that is larger than Lambda carries becomes an error that says so.
 */
export async function resultOf(response: Response, mostBytes: number): Promise<APIGatewayProxyResult> {
  const body = await response.text();
  if (Buffer.byteLength(JSON.stringify(body)) > mostBytes) {
    const error = new FanfoldError(
      "payload_too_large",
      `the answer is larger than the ${mostBytes} bytes that this API carries; ask for less, or read results in parts`,
    );
    return {
      statusCode: 413,
      headers: Object.fromEntries(problemResponse(error).headers),
      body: await problemResponse(error).text(),
    };
  }
  return { statusCode: response.status, headers: Object.fromEntries(response.headers), body };
}

/**
 * Returns the global that Lambda's Node runtime gives to functions that stream. Returns undefined in any other runtime.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
 */
export function streamingRuntime(): typeof awslambda | undefined {
  return (globalThis as { awslambda?: typeof awslambda }).awslambda;
}
