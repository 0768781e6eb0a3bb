import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One answer: a body with status 200, an error by its name, or a connection that is cut without an answer. */
export type Answer =
  | { readonly body: object }
  | { readonly error: string; readonly status?: number; readonly more?: object }
  | { readonly cut: true };
export interface Request {
  /** Name of the operation, `PutItem` or `SendMessageBatch`. */
  readonly action: string;
  readonly body: { readonly [name: string]: unknown };
}
export interface ScriptedServer {
  readonly endpoint: string;
  readonly requests: readonly Request[];
  /** Answers to the next requests. The last one is repeated. */
  script(...answers: readonly (Answer | ((request: Request) => Answer))[]): void;
  close(): Promise<void>;
}

/**
 * Starts a server that speaks the JSON protocols of AWS as far as a test scripts them. It plays failures that no
 * emulator has.
 */
export async function scriptedServer(): Promise<ScriptedServer> {
  const requests: Request[] = [];
  let answers: (Answer | ((request: Request) => Answer))[] = [];
  const server = createServer((incoming, response) => void respond(incoming, response));
  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const action = String(incoming.headers["x-amz-target"]).split(".").at(-1) as string;
    const request = { action, body: JSON.parse(Buffer.concat(chunks).toString() || "{}") as Request["body"] };
    requests.push(request);
    const next = (answers.length > 1 ? answers.shift() : answers[0]) ?? { error: "Unscripted", status: 400 };
    const answer = typeof next === "function" ? next(request) : next;
    if ("cut" in answer) return void incoming.socket.destroy();
    const ok = "body" in answer;
    response.writeHead(ok ? 200 : (answer.status ?? 400), { "content-type": "application/x-amz-json-1.0" });
    response.end(
      JSON.stringify(
        ok ? answer.body : { __type: `com.amazonaws#${answer.error}`, message: "scripted", ...answer.more },
      ),
    );
  }
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    script: (...next) => {
      answers = [...next];
      requests.length = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

/** Variables that point a client at it. */
export function scriptedVariables(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "us-east-1",
    FANFOLD_PREFIX: "fanfold",
    FANFOLD_BUCKET: "bucket",
    FANFOLD_QUEUE_URL_BASE: `${endpoint}/000000000000`,
    FANFOLD_STATE_MACHINE_ARN: "arn:aws:states:us-east-1:000000000000:stateMachine:fanfold-supervisor",
  };
}
