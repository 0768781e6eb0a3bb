import { PROBLEMS } from "../../functions/api/problem.ts";
import type { ErrorCode } from "../../functions/core/errors.ts";
import { contentOf, misfit, operationOf } from "./document.ts";
import type { Answer, FuzzRequest } from "./request.ts";

/** Codes of a server that cannot answer now. Any other answer of 500 and above is a fault. */
const HONEST: readonly string[] = ["engine_unavailable", "server_busy", "degraded"];
const STACK = /\n {4}at .+:\d+:\d+|node:internal|node_modules/;

/** Returns what is wrong with an answer: it must be honest, and be what the document says. */
export function faultOf(request: FuzzRequest, answer: Answer): string | undefined {
  const { status, type, body } = answer;
  if (request.method === "HEAD") return status >= 500 ? `status ${status}` : undefined;
  const plain = type.split(";")[0] ?? "";
  const operation = request.wire === undefined ? operationOf(request.method, request.target) : undefined;
  const content = contentOf(operation, status);
  const declared = content[plain];
  // Odd targets may be another route than they look, so an answer that is well needs a route only where one is seen.
  const schema = declared?.schema ?? (operation === undefined && status < 300 ? {} : undefined);
  if (schema === undefined) return `${status} ${type || "without a type"} is not in the document`;
  if (plain === "application/problem+json") return problemFault(status, body) ?? whole(schema, body);
  if (status >= 400) return `${status} without a problem document`;
  return plain.includes("ndjson") ? lines(schema, answer) : plain.includes("json") ? whole(schema, body) : undefined;
}

function problemFault(status: number, body: string): string | undefined {
  if (STACK.test(body)) return `a stack in the answer: ${body.slice(0, 300)}`;
  const { code, status: own } = parsed(body) as { code?: string; status?: number };
  const known = code === undefined ? undefined : PROBLEMS[code as ErrorCode];
  if (known === undefined) return `no stable code: ${body.slice(0, 200)}`;
  if (known[0] !== status || own !== status) return `status ${status} for the code ${code}`;
  return status >= 500 && !HONEST.includes(code as string) ? `status ${status}: ${body.slice(0, 200)}` : undefined;
}
function whole(schema: { readonly [key: string]: unknown }, body: string): string | undefined {
  const value = parsed(body);
  return value === undefined ? `no JSON: ${body.slice(0, 100)}` : misfit(schema, value);
}
function lines(schema: { readonly [key: string]: unknown }, { body, open }: Answer): string | undefined {
  const complete = open ? body.slice(0, body.lastIndexOf("\n") + 1) : body;
  const wrong = complete
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => whole(schema, line));
  return wrong.find((each) => each !== undefined);
}
function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
