import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import packageJson from "../../package.json" with { type: "json" };
import { createApp } from "../api/app.ts";
import type { SupervisedStart, Supervisor } from "../api/dependencies.ts";
import { problemResponse } from "../api/problem.ts";
import type { Supervisions } from "../engine/ports.ts";
import { messageOf } from "../host/log.ts";
import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { deploymentHealth } from "./health.ts";
import { loadWorkflows } from "./load-workflows.ts";
import { type Open, openFunction } from "./open-function.ts";
import { schedulePortsOf } from "./schedule-ports.ts";
import { principalOf, requestOf, resultOf, streamingRuntime } from "./rest-proxy.ts";

type ApiHandler = (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult>;

/**
 * Creates the handler of the HTTP API. The REST API in front of it has authorised the caller. Answers are sent whole,
 * and long results in parts. With FANFOLD_STREAMING=1 and an integration that streams, answers are sent as they are
 * made.
 */
export function createHandler(code: DeployedCode, open: Open = openAws): ApiHandler {
  const opening = openApi(code, open);
  opening.catch(() => undefined); // Each request reports the failure.
  const runtime = process.env["FANFOLD_STREAMING"] === "1" ? streamingRuntime() : undefined;
  if (!runtime)
    return async (event, context) => (await opening)(event, context, (response) => resultOf(response, ANSWER_BYTES));
  return runtime.streamifyResponse<APIGatewayProxyEvent, void>(async (event, stream, context) =>
    (await opening)(event, context, async (response) => {
      const answer = runtime.HttpResponseStream.from(stream, {
        statusCode: response.status,
        headers: Object.fromEntries(response.headers),
      });
      await pipeline(
        response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as ReadableStream),
        answer,
      );
    }),
  ) as unknown as ApiHandler;
}
/**
 * Largest answer in bytes. Lambda carries 6 MB, and the rest is for headers.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const ANSWER_BYTES = 5_500_000;

/** `deliver` runs inside the invocation, because a stream is read while it is sent. */
type Answer = <T>(
  event: APIGatewayProxyEvent,
  context: Context,
  deliver: (response: Response) => Promise<T>,
) => Promise<T>;
async function openApi(code: DeployedCode, open: Open): Promise<Answer> {
  const workflows = loadWorkflows(code.modules);
  const { engine, registry, environment, platform, config, log, now, invocation } = await openFunction(
    code,
    open,
    { supervisions: true },
    schedulePortsOf(workflows),
  );
  const principals = new WeakMap<Request, string>();
  const app = createApp({
    engine,
    registry,
    workflows,
    security: { check: (request) => ({ principal: principals.get(request) ?? "anonymous" }) },
    version: packageJson.version,
    health: deploymentHealth(platform, now),
    report: (error) =>
      log("error", "a request failed", {
        cause: messageOf(error),
        stack: error instanceof Error ? (error.stack ?? "") : "",
      }),
    ...(!environment.streaming && { answerBytes: ANSWER_BYTES }),
    ...(platform.blobLinks && { blobLinks: platform.blobLinks }),
    ...(platform.supervisions && { supervisor: supervisorOf(platform.supervisions, config.defaultJobTimeoutSeconds) }),
  });
  const answer = async (event: APIGatewayProxyEvent): Promise<Response> => {
    let request: Request;
    try {
      request = requestOf(event);
    } catch (error) {
      return problemResponse(error);
    }
    principals.set(request, principalOf(event));
    return app.fetch(request);
  };
  return (event, context, deliver) =>
    invocation(context, async (report) => {
      const response = await answer(event);
      report.field("message", "request");
      report.field("request", `${event.httpMethod} ${event.resource}`);
      report.field("status", response.status);
      return deliver(response);
    });
}

/**
 * Supervises a job by an execution with the job's name. The input of the execution holds everything the job is made of.
 * A second start with the same input is therefore the same start, and one with another input is refused.
 */
function supervisorOf(supervisions: Supervisions, usualSeconds: number): Supervisor {
  return {
    start: async ({ jobId, ...input }) => ({ jobId, ...(await supervisions.start(jobId, input)) }),
    async pending(jobId) {
      const { input, startedAt } = (await supervisions.running(jobId)) ?? {};
      return startedAt === undefined
        ? undefined
        : { timeoutSeconds: usualSeconds, ...(input as unknown as Omit<SupervisedStart, "jobId">), jobId, startedAt };
    },
  };
}
