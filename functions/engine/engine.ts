import { FanfoldError } from "../core/errors.ts";
import { Turns } from "./concurrently.ts";
import { DEFAULT_CONFIG, type EngineConfig } from "./config.ts";
import type { Context } from "./context.ts";
import type { Engine } from "./contract.ts";
import { handleMessage } from "./control.ts";
import { handleDeadLetter } from "./dead-letter.ts";
import type { ExecuteContext } from "./execute/execute-context.ts";
import { endLeases, heartbeat } from "./execute/heartbeat.ts";
import { Pace, patienceMs } from "./execute/pace.ts";
import { GateCache } from "./groups/gate.ts";
import { readHeader } from "./items/header-reads.ts";
import { setOutcome } from "./items/header-writes.ts";
import { countersOf, readLedger } from "./items/ledger-reads.ts";
import { sendControl } from "./messages/send.ts";
import { PlanStore } from "./plan/plan-store.ts";
import type { Ports } from "./ports.ts";
import { revokeStamped } from "./revoke-stamped.ts";
import { revokeRun } from "./revoke.ts";
import { putPage, sealInput } from "./submit/input.ts";
import { newJobId, planJob, submitJob, submitOpenJob } from "./submit/submit.ts";
import { sweep } from "./sweep.ts";
import { jobGraph } from "./views/job-graph.ts";
import { listEvents, listJobs, viewJob } from "./views/job-view.ts";
import { jobResults } from "./views/results.ts";
import { listRuns, viewRunById } from "./views/run-view.ts";
import { completeRun } from "./waits/answers.ts";
import { sendEvent } from "./waits/events.ts";

/** One instance of the engine over its ports: the same code on one machine, on AWS and in the simulator. */
export function createEngine(ports: Ports, config: Partial<EngineConfig> = {}): Engine {
  const settings = { ...DEFAULT_CONFIG, ...config };
  const context: ExecuteContext = {
    ...ports,
    config: settings,
    plans: new PlanStore(ports, settings.width),
    gates: new GateCache(),
    pace: new Pace(ports.clock, patienceMs(settings)),
    expanding: new Turns(1),
  };
  return {
    newJobId: (request) => newJobId(context, request),
    submit: (request) => submitJob(context, request),
    plan: (request, secondsPerTask) => planJob(context, request, secondsPerTask),
    openJob: (request) => submitOpenJob(context, request),
    putInputPage: (jobId, page, items) => putPage(context, jobId, page, items),
    sealInput: (jobId, pages) => sealInput(context, jobId, pages),
    cancel: (jobId) => cancel(context, jobId),
    complete: (runId, token, answer) => completeRun(context, runId, token, answer),
    sendEvent: (jobId, name, value) => sendEvent(context, jobId, name, value),
    revokeStamped: (jobId, stamps) => revokeStamped(context, jobId, stamps),
    revoke: (id) => (id.includes(".") ? revokeRun(context, id) : cancel(context, id)),
    job: (jobId) => viewJob(context, jobId),
    jobs: (filter) => listJobs(context, filter),
    runs: (jobId, filter) => listRuns(context, jobId, filter),
    run: (runId) => viewRunById(context, runId),
    results: (jobId, options) => jobResults(context, jobId, options?.from),
    events: (jobId, filter) => listEvents(context, jobId, filter),
    graph: (jobId) => jobGraph(context, jobId),
    handle: (message, loop) => handleMessage(context, message, loop),
    handleDeadLetter: (message, loop) => handleDeadLetter(context, message, loop),
    heartbeat: (claims) => heartbeat(context, claims),
    endLeases: (claims) => endLeases(context, claims),
    sweep: (options) => sweep(context, options?.until),
  };
}

/** Durable once the outcome is written; the message only hurries what follows. */
async function cancel(context: Context, jobId: string): Promise<boolean> {
  const root = await readHeader(context, jobId);
  if (!root?.job) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  if (root.outcome === "cancelled" && root.state === "open") {
    // An earlier call may have died before its message.
    await sendControl(context, { kind: "cancel", gid: jobId, round: root.round });
    return true;
  }
  if (root.outcome) return false;
  const totals = countersOf(await readLedger(context, { gid: jobId, round: root.round, level: root.height, node: 0 }));
  const { header } = await setOutcome(context, jobId, root.round, "cancelled", totals, true);
  await sendControl(context, { kind: "cancel", gid: jobId, round: root.round });
  return header?.outcome === "cancelled";
}
