import { listReports } from "./views/reports.ts";
import { Semaphore } from "./concurrently.ts";
import { DEFAULT_CONFIG, type EngineConfig } from "./config.ts";
import type { Engine } from "./contract.ts";
import { cancelJob } from "./control/cancel-job.ts";
import { handleDeadLetter } from "./control/dead-letter.ts";
import { handleMessage } from "./control/handle-message.ts";
import { pause, resume, sweepPauses } from "./control/pauses.ts";
import { purgeDeadLetters, redriveDeadLetters } from "./control/redrive.ts";
import { retryAll } from "./control/retry-all.ts";
import { previewRetry, retryJob } from "./control/retry-job.ts";
import { revokeRun } from "./control/revoke-run.ts";
import { revokeStamped } from "./control/revoke-stamped.ts";
import { forgetRun, scheduleRun } from "./control/schedule-run.ts";
import { deleteSchedule, pauseSchedule, putSchedule, triggerSchedule } from "./control/schedules.ts";
import { sweep } from "./control/sweep.ts";
import { syncSchedules } from "./control/sync-schedules.ts";
import { endHolder } from "./execute/end-holder.ts";
import type { ExecuteContext } from "./execute/execute-context.ts";
import { GatheredSolos } from "./execute/gather-solos.ts";
import { heartbeat } from "./execute/heartbeat.ts";
import { Pace, slowAfterMs } from "./execute/pace.ts";
import { patientContext } from "./execute/patient-context.ts";
import { withRootRows } from "./items/root-row.ts";
import { PoolLooks } from "./admission/bulk-pool.ts";
import { PauseCache } from "./admission/pauses.ts";
import { GateCache } from "./groups/gate.ts";
import { freshUntil, openBlob, putBlob } from "./items/shared-blobs.ts";
import { FailureKindCache } from "./jobs/failures.ts";
import { flushStatistics, Tally } from "./jobs/statistics.ts";
import { KnownRunsCache } from "./jobs/spawn-budget.ts";
import { PlanStore } from "./plan/plan-store.ts";
import { TaskSpeeds } from "./plan/task-speeds.ts";
import { QueueNameCache } from "./plan/queue-name-cache.ts";
import type { Ports } from "./ports.ts";
import { itemChunksOf, putItems, putPage, sealInput } from "./submit/input.ts";
import { submitJobs } from "./submit/submit-many.ts";
import { estimateSubmission, newJobId, submitJob, submitOpenJob } from "./submit/submit.ts";
import { listDeadLetters, viewDeadLetter } from "./views/dead-letters.ts";
import { listFailures } from "./views/failures.ts";
import { viewGroup } from "./views/group-view.ts";
import { jobGraph } from "./views/job-graph.ts";
import { listEvents, listJobs, viewJob } from "./views/job-view.ts";
import { listIdentities } from "./views/identities.ts";
import { listLocks } from "./views/locks.ts";
import { listWaits } from "./views/waits.ts";
import { jobResults } from "./views/results.ts";
import { viewQueues } from "./views/queues.ts";
import { listPauses } from "./views/pauses.ts";
import { listRuns, viewRunById } from "./views/run-view.ts";
import { listSchedules, viewScheduleByName } from "./views/schedules.ts";
import { viewSites } from "./views/sites.ts";
import { listStatistics } from "./views/statistics.ts";
import { completeRun } from "./waits/answers.ts";
import { sendEvent } from "./waits/events.ts";

/**
 * Creates one instance of the engine over its ports. The same code runs on one machine, on AWS and in the simulator.
 */
export function createEngine(ports: Ports, config: Partial<EngineConfig> = {}): Engine {
  const settings = { ...DEFAULT_CONFIG, ...config };
  const parts = {
    ...ports,
    store: withRootRows(ports.store),
    config: settings,
    plans: new PlanStore(ports, settings.width),
    queueNames: new QueueNameCache(settings.site),
    gates: new GateCache(),
    pauses: new PauseCache(ports, settings.pauseCacheMs),
    failureKinds: new FailureKindCache(),
    knownRuns: new KnownRunsCache(),
    limitsInUse: new FailureKindCache(),
    statistics: new Tally(ports.watch),
    tasksListed: new FailureKindCache(),
    pools: new PoolLooks(),
    speeds: new TaskSpeeds(settings, (task, quick) => ports.watch?.taskSpeed?.(task, quick)),
    estimates: new Map(),
    solos: new GatheredSolos(),
    pace: new Pace(ports.clock, slowAfterMs(settings)),
    expanding: new Semaphore(1),
  };
  const context: ExecuteContext = { ...parts, patient: patientContext(parts) };
  return {
    newJobId: (request) => newJobId(context, request),
    submit: (request) => submitJob(context, request),
    submitMany: (requests) => submitJobs(context, requests),
    estimate: (request, secondsPerTask) => estimateSubmission(context, request, secondsPerTask),
    openJob: (request) => submitOpenJob(context, request),
    putInputPage: (jobId, page, items) => putPage(context, jobId, page, items),
    takesItems: async (jobId) => (await itemChunksOf(context, jobId)) !== undefined,
    putItemPage: (jobId, page, items) => putItems(context, jobId, page, items),
    sealInput: (jobId, pages) => sealInput(context, jobId, pages),
    cancel: (jobId) => cancelJob(context, jobId),
    retry: (jobId, request) => retryJob(context, jobId, request),
    previewRetry: (jobId, request) => previewRetry(context, jobId, request),
    retryAll: (request) => retryAll(context, request),
    complete: (runId, token, answer) => completeRun(context, runId, token, answer),
    sendEvent: (jobId, name, value) => sendEvent(context, jobId, name, value),
    revokeStamped: (jobId, stamps) => revokeStamped(context, jobId, stamps),
    revoke: (id) => (id.includes(".") ? revokeRun(context, id) : cancelJob(context, id)),
    putBlob: (content, options) => putBlob(context, content, freshUntil(context), options),
    openBlob: (sha256) => openBlob(context, sha256),
    keepBlob: (sha256) => context.blobs.keep(sha256, freshUntil(context)),
    job: (jobId) => viewJob(context, jobId),
    jobs: (filter) => listJobs(context, filter),
    runs: (jobId, filter) => listRuns(context, jobId, filter),
    run: (runId) => viewRunById(context, runId),
    group: (groupId) => viewGroup(context, groupId),
    results: (jobId, options) => jobResults(context, jobId, options?.from),
    reports: (jobId, filter) => listReports(context, jobId, filter),
    events: (jobId, filter) => listEvents(context, jobId, filter),
    graph: (jobId, run) => jobGraph(context, jobId, run),
    failures: (filter) => listFailures(context, filter),
    locks: (filter) => listLocks(context, filter),
    waits: (filter) => listWaits(context, filter),
    identities: (filter) => listIdentities(context, filter),
    scheduleRun: (request) => scheduleRun(context, request),
    forgetRun: (request) => forgetRun(context, request),
    deadLetters: (filter) => listDeadLetters(context, filter),
    deadLetter: (id) => viewDeadLetter(context, id),
    redriveDeadLetters: (action) => redriveDeadLetters(context, action),
    purgeDeadLetters: (action) => purgeDeadLetters(context, action),
    pause: (target) => pause(context, target),
    resume: (target) => resume(context, target),
    syncPauses: () => sweepPauses(context),
    pauses: () => listPauses(context),
    queues: (more = []) => viewQueues(context, more),
    statistics: (filter) => listStatistics(context, filter),
    sites: (more = []) => viewSites(context, more),
    flushStatistics: () => flushStatistics(context),
    schedules: (filter) => listSchedules(context, filter),
    schedule: (name) => viewScheduleByName(context, name),
    putSchedule: (name, spec) => putSchedule(context, name, spec),
    deleteSchedule: (name) => deleteSchedule(context, name),
    pauseSchedule: (name, paused) => pauseSchedule(context, name, paused),
    triggerSchedule: (name, key) => triggerSchedule(context, name, key),
    syncSchedules: () => syncSchedules(context),
    handle: (message, loop) => handleMessage(context, message, loop),
    handleDeadLetter: (message, loop) => handleDeadLetter(context, message, loop),
    noteTaskSpeed: (task, quick) => context.speeds.noteTold(task, quick),
    heartbeat: (claims) => heartbeat(context, claims),
    endHolder: (end) => endHolder(context, end),
    sweep: (options) => sweep(context, options),
  };
}
