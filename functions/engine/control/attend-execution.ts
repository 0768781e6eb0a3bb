import { FanfoldError } from "../../core/errors.ts";
import { toJson } from "../../core/json-check.ts";
import type { Json } from "../../core/json.ts";
import type { ErrorData } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { recheckEdges } from "../follow/seal-group.ts";
import { decide } from "../follow/work-list.ts";
import { readGate } from "../groups/gate.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import { allOf } from "../items/all-of.ts";
import { absent } from "../items/conditions.ts";
import { readHeader } from "../items/header-reads.ts";
import { sendControl } from "../messages/send.ts";
import type { ExecutionError, Executions } from "../ports.ts";
import { type Answer, writeAnswer } from "../waits/answers.ts";
import { executionsOf, keyOfExecution, stopExecution } from "../waits/executions.ts";

/**
 * Does what is due for a group that waits for an execution: starts it, polls it, or stops it. A process without the
 * port sends a control message instead. The message is also sent when the group is created, by each check of the
 * sweeper, and when the platform reports the end of the execution.
 */
export async function attendExecution(context: Context, gid: string): Promise<void> {
  const { executions } = context;
  if (!executions) return sendControl(context, { kind: "execution", gid });
  const gate = await readGate(context, gid);
  if (gate.kind === "gone") return;
  const { header } = gate;
  if (header.state === "closed") return stopExecution(context, header);
  if (header.outcome) return void (await follow(context, [{ kind: "settle", gid, header }]));
  if (gate.kind === "decided") return void (await follow(context, [decide(header, "dropped")]));
  if (header.memberCount !== undefined) return recheckEdges(context, gid);
  const answer = await startOrPoll(context, executions, header);
  if (answer) {
    await writeAnswer(context, header, answer);
    return recheckEdges(context, gid);
  }
  // A decider writes the outcome and then stops the execution. This process starts it and then reads the outcome. So
  // one of them sees the other.
  const after = await readHeader(context, gid);
  if (after?.outcome) await stopExecution(context, after);
}

/** Starts the execution, or polls the one that was started before. Returns undefined while it runs. */
async function startOrPoll(context: Context, executions: Executions, header: Header): Promise<Answer | undefined> {
  const { wait, execution, plan } = header;
  if (!wait || execution === undefined || plan === undefined)
    throw new FanfoldError("internal", `group ${header.gid} waits for no execution`);
  const step = (await context.plans.group(plan)).wait;
  if (step?.of !== "execution") throw new FanfoldError("internal", `the plan of ${header.gid} names no state machine`);
  const key = keyOfExecution(context, execution);
  if (key)
    await context.store.write({ op: "put", key, attributes: { ...ownedBy(header), gid: header.gid }, when: absent() });
  const started = await executions.start(wait.name, execution, step.input);
  if (started === "started") return undefined;
  if (started !== "exists") return { error: failure(started.refused) };
  const end = await executions.endOf(wait.name, execution);
  if (!end) return undefined;
  return "failed" in end ? { error: failure(end.failed) } : valueOf(step.ignoreResult ? null : end.output, execution);
}
function failure({ error, cause }: ExecutionError): ErrorData {
  return { name: error, message: cause, reason: "execution_failed" };
}
/** Returns the output of a state machine as an answer, within the limits of any other value. */
function valueOf(output: Json, execution: string): Answer {
  try {
    return { value: toJson(output, `the output of ${execution}`) };
  } catch (error) {
    if (!(error instanceof FanfoldError)) throw error;
    return { error: { name: error.name, message: error.message, reason: error.code } };
  }
}

/** Handles the end of an execution, as the platform reports it. Ignores an execution that no group waits for. */
export async function executionEnded(context: Context, name: string): Promise<void> {
  const key = keyOfExecution(context, name);
  const item = key && (await context.store.get(key, { consistent: true }));
  if (item) await attendExecution(context, item.attributes["gid"] as string);
}

/** Orders a check of all executions of a job that ended before its runs, so they need not wait for the sweeper. */
export async function attendJob(context: Context, jobId: string): Promise<void> {
  if (!context.config.executions) return;
  for await (const { items } of allOf((after) =>
    context.store.query("tasks", executionsOf(jobId), { limit: 100, ...after }),
  )) {
    const own = items.filter(({ attributes }) => attributes["jobId"] === jobId);
    if (own.length > 0)
      await sendControl(
        context,
        ...own.map(({ attributes }) => ({ kind: "execution" as const, gid: attributes["gid"] as string })),
      );
  }
}
