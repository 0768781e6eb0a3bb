import type { APIGatewayProxyEvent } from "aws-lambda";
import { contextOf, type TestDeployment } from "./deployment.ts";

/** Returns the event of a request, as API Gateway sends it. */
export function eventOf(method: string, path: string, more: Partial<APIGatewayProxyEvent> = {}): APIGatewayProxyEvent {
  return {
    httpMethod: method,
    path,
    resource: "/{proxy+}",
    headers: { "content-type": "application/json" },
    multiValueHeaders: { "content-type": ["application/json"] },
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: null,
    stageVariables: null,
    body: null,
    isBase64Encoded: false,
    requestContext: {
      domainName: "abc.execute-api.eu-west-1.amazonaws.com",
      identity: { userArn: "arn:aws:iam::123456789012:user/ann" },
    },
    ...more,
  } as APIGatewayProxyEvent;
}
/** Sends a client's requests as API Gateway's events. */
export function fetchOf(deployment: TestDeployment, userArn = "arn:aws:iam::123456789012:user/ann") {
  return async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const query: Record<string, string[]> = {};
    for (const [name, value] of url.searchParams) query[name] = [...(query[name] ?? []), value];
    const { statusCode, body, headers } = await deployment.api(
      eventOf(request.method, url.pathname, {
        multiValueHeaders: Object.fromEntries([...request.headers].map(([name, value]) => [name, [value]])),
        multiValueQueryStringParameters: query,
        body: await request.text(),
        requestContext: { domainName: "api", identity: { userArn } } as APIGatewayProxyEvent["requestContext"],
      }),
      contextOf(),
    );
    return new Response(body, { status: statusCode, headers: headers as Record<string, string> });
  };
}
