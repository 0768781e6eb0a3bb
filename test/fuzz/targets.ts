import type { APIGatewayProxyEvent } from "aws-lambda";
import { createClient } from "../../functions/client/index.ts";
import { contextOf, type TestDeployment } from "../handlers/deployment.ts";
import { eventOf, fetchOf } from "../handlers/proxy-event.ts";
import { type Outcome, RawClient } from "./raw-client.ts";
import { bytesOf, type FuzzRequest, type World } from "./request.ts";

export interface Target {
  readonly name: string;
  /** Makes work for requests to meet. */
  world(): Promise<World>;
  /** Sends requests together. The outcome is undefined for a request that cannot come to this target. */
  send(requests: readonly FuzzRequest[]): Promise<readonly (Outcome | undefined)[]>;
  close(): void;
}
const HUNG_MS = 20_000;

/** A server on this machine, reached by plain sockets. */
export function serverTarget(port: number, token: string, settle?: () => Promise<void>): Target {
  const raw = new RawClient(port, HUNG_MS);
  const host = `127.0.0.1:${port}`;
  return {
    name: "server",
    world: () => makeWorld(createClient({ url: `http://${host}`, token }), settle ?? (async () => undefined)),
    async send(requests) {
      const outcomes = await sendTogether(raw, requests, host, token);
      if (requests.length === 1) return outcomes;
      // A server may close a connection after any answer. Whoever had none asks again.
      return Promise.all(
        requests.map(async (request, k) =>
          outcomes[k] === "closed" ? (await sendTogether(raw, [request], host, token))[0] : outcomes[k],
        ),
      );
    },
    close: () => raw.close(),
  };
}

function sendTogether(
  raw: RawClient,
  requests: readonly FuzzRequest[],
  host: string,
  token: string,
): Promise<Outcome[]> {
  const bytes = requests.map((request) => bytesOf(request, host, token));
  const last = requests.at(-1);
  const asked = requests.map(({ method, target }) => ({ method, follows: target.includes("follow") }));
  return raw.exchange(Buffer.concat(bytes), asked, last?.framing === "cut" || last?.wire !== undefined);
}

/** Methods that API Gateway passes on. */
const GATEWAY_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** The API's Lambda handler, which gets the events of API Gateway. */
export function lambdaTarget(deployment: TestDeployment): Target {
  return {
    name: "lambda",
    world: () =>
      makeWorld(createClient({ url: "https://api", fetch: fetchOf(deployment) }), () => deployment.untilQuiet()),
    send: (requests) =>
      Promise.all(
        requests.map(async (request) => {
          if (request.wire !== undefined || request.framing === "cut") return undefined;
          if (!GATEWAY_METHODS.includes(request.method)) return undefined;
          const answer = await deployment.api(toEvent(request), contextOf());
          const type = String(answer.headers?.["content-type"] ?? "");
          return { status: answer.statusCode, type, body: answer.body };
        }),
      ),
    close: () => undefined,
  };
}
function toEvent({ method, target, headers, body }: FuzzRequest): APIGatewayProxyEvent {
  const [path = "", ...rest] = (target.split("#")[0] ?? "").split("?");
  const query = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of new URLSearchParams(rest.join("?"))) (query[name] ??= []).push(value);
  const multi = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of headers) (multi[name] ??= []).push(value);
  return eventOf(method, decoded(path), {
    headers: {},
    multiValueHeaders: multi,
    multiValueQueryStringParameters: query,
    body: body === undefined ? null : body.toString("base64"),
    isBase64Encoded: body !== undefined,
  });
}
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

type Client = ReturnType<typeof createClient>;
/** Starts a job that ends, one that waits for an approval and an event, and one that takes input. */
async function makeWorld(client: Client, settle: () => Promise<void>): Promise<World> {
  const { jobId: ended } = await client.submitWire({
    group: [{ task: "noop" }, { task: "fail", kwargs: { retryable: false } }],
  });
  const { jobId: waiting } = await client.submitWire({
    chain: [{ approval: { name: "go" } }, { event: { name: "paid" } }],
  });
  const { jobId: openJob } = await client.openJob({});
  await settle();
  const runId = `${waiting}.0.g.0`;
  let token: string | undefined;
  for (let tries = 0; token === undefined && tries < 500; tries++) {
    const { items } = await client.runs(waiting);
    const approval = items.find(({ wait }) => wait?.of === "approval");
    token = approval && (await client.run(approval.runId)).wait?.token;
    if (token === undefined) await settle();
  }
  const { items } = await client.runs(ended);
  const approvals = (await client.runs(waiting)).items.filter(({ wait }) => wait?.of === "approval");
  const page = await client.jobs({ limit: 1 });
  return {
    jobs: [ended, waiting],
    openJob,
    runs: items.map((run) => run.runId),
    approval: { runId: approvals[0]?.runId ?? runId, token: token ?? "" },
    cursors: page.cursor === undefined ? ["x"] : [page.cursor],
  };
}
