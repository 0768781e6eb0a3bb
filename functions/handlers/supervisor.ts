import { createHash } from "node:crypto";
import type { Context, EventBridgeEvent } from "aws-lambda";
import * as z from "zod/mini";
import { FanfoldError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { Submitted } from "../engine/contract.ts";
import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { loadWorkflows } from "./load-workflows.ts";
import { type FunctionEngine, type Open, openFunction } from "./open-function.ts";

/**
 * The event that a state machine sends with its task token (`lambda:invoke.waitForTaskToken`). With `jobId`, the name
 * of the execution, the state supervises that job. Without it, the state is a step of a user's own state machine, and
 * each token starts a job.
 */
const SUBMIT = z.object({
  action: z.literal("submit"),
  token: z.string().check(z.minLength(1)),
  jobId: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,80}$/))),
  workflow: z.string(),
  fields: z._default(z.record(z.string(), z.unknown()), {}),
  principal: z._default(z.string(), "state-machine"),
  timeoutSeconds: z.optional(z.number()),
});
const ENDED = z.object({
  time: z.string(),
  source: z.literal("aws.states"),
  detail: z.object({ name: z.string(), status: z.string() }),
});
type ExecutionEnded = EventBridgeEvent<
  "Step Functions Execution Status Change",
  { readonly name: string; readonly status: string }
>;
type Submit = z.infer<typeof SUBMIT>;

/**
 * Creates the handler that state machines call. It submits a workflow and returns; the handler that finishes the job
 * answers the token. When an execution was stopped or ran out of time, it cancels the job. Both calls may be repeated.
 */
export function createHandler(
  code: DeployedCode,
  open: Open = openAws,
): (event: Submit | ExecutionEnded, context: Context) => Promise<Submitted | { cancelled: boolean }> {
  const opening = openFunction(code, open);
  const workflows = loadWorkflows(code.modules);
  return async (event, context) => {
    const opened = await opening;
    return opened.invocation(context, async (report) => {
      const ended = z.safeParse(ENDED, event);
      report.field("message", ended.success ? "execution ended" : "submit");
      if (ended.success) return cancelOf(opened, ended.data);
      const request = z.safeParse(SUBMIT, event);
      if (!request.success)
        throw new FanfoldError(
          "invalid_request",
          `not what a supervisor expects: ${request.error.issues[0]?.path.join(".") ?? ""} is missing or wrong`,
        );
      return submitted(opened, workflows, request.data);
    });
  };
}

async function submitted(
  { engine }: FunctionEngine,
  workflows: ReturnType<typeof loadWorkflows>,
  request: Submit,
): Promise<Submitted> {
  const { token, workflow, fields, principal } = request;
  const { canvas, parameters, timeoutSeconds: own } = workflows.start(workflow, fields as JsonObject);
  const timeoutSeconds = request.timeoutSeconds ?? own;
  return engine.submit({
    canvas,
    workflow,
    parameters,
    principal,
    token,
    ...(request.jobId === undefined ? { idempotencyKey: `token ${shortOf(token)}` } : { jobId: request.jobId }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  });
}
/** Returns a digest of a token, because tokens are longer than a key may be. */
function shortOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

const STOPPED: ReadonlySet<string> = new Set(["ABORTED", "TIMED_OUT", "FAILED"]);
const SUBMISSION_MS = 30_000;
async function cancelOf(
  { engine, log, now }: FunctionEngine,
  { time, detail: { name, status } }: z.infer<typeof ENDED>,
): Promise<{ cancelled: boolean }> {
  if (!STOPPED.has(status)) return { cancelled: false };
  if ((await engine.job(name)) !== undefined) return { cancelled: await engine.cancel(name) };
  // The submission may still be running. Lambda delivers this event again, a minute later.
  if (now() - Date.parse(time) < SUBMISSION_MS)
    throw new FanfoldError("job_not_found", `the execution ${name} ended, and its job is not there yet`, {
      retryable: true,
    });
  log("info", "an execution ended before it had started its job", { job: name, status });
  return { cancelled: false };
}
