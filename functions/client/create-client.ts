import { canvasOf } from "../core/canvas/canvas-of.ts";
import { encodeCanvas } from "../core/canvas/canvas-wire.ts";
import { FanfoldError } from "../core/errors.ts";
import { canonicalJson, type Json, type JsonObject } from "../core/json.ts";
import type { StampFilter } from "../core/plan/stamps.ts";
import { batchCalls } from "./batch.ts";
import { blobCalls } from "./blobs.ts";
import type { Client } from "./client.ts";
import { DEFAULT_PACE, valueOf, waitForJob } from "./follow-job.ts";
import { jobHandle } from "./job-handle.ts";
import type {
  GraphOptions,
  PageFilter,
  PlanOptions,
  ReadOptions,
  RetryAllOptions,
  RetryOptions,
  StartWorkflowOptions,
} from "./options.ts";
import { type Pages, pages } from "./pages.ts";
import { type Ask, ask, type ClientOptions, readParts, signing } from "./transport.ts";
import type {
  Health,
  JobEvent,
  JobPlan,
  Page,
  Pause,
  PauseTarget,
  Queue,
  Site,
  ResultEntry,
  Retried,
  RetriedJobs,
  RetryPreview,
  Run,
  StartOptions,
  Submitted,
  WorkflowInfo,
} from "./types.ts";
import { type AnyWorkflow, isWorkflow, workflowNameOf } from "./work.ts";

/**
 * Returns a client of the HTTP API, over `fetch`. Requests to an API on AWS are signed, see `ClientOptions.aws`.
 * `Module` is the type of the module of tasks, for names that the compiler knows.
 * @example
 * const client = createClient<typeof import("./tasks/index.ts")>({ url: "http://127.0.0.1:7420", token });
 * const job = await client.start("inventory", { folder: "/data" });
 * const report = await job.result();
 */
export function createClient<Module = unknown>(given: ClientOptions): Client<Module> {
  const options = signing(given);
  const json: ReadJson = async <T>(path: string, what?: Ask) => (await (await ask(options, path, what)).json()) as T;
  const calls: ReadCalls = {
    ...serverCalls(json),
    ...planCalls(json),
    ...batchCalls(options),
    ...inputCalls(options),
    ...jobCalls(options, json),
    ...runCalls(json),
    ...failureCalls(json),
    ...retryCalls(json),
    blobs: blobCalls(options),
    ...scheduleCalls(json),
    ...pauseCalls(json),
  };
  return withStarts(calls, json, options) as Client<Module>;
}

/** Sends one request and returns its JSON answer. */
type ReadJson = <T>(path: string, what?: Ask) => Promise<T>;

/** Reads a list page by page. */
function list<Item>(
  json: ReadJson,
  path: string,
  { signal, cursor, ...query }: PageFilter & { readonly stamp?: string | readonly string[] | undefined },
): Pages<Item> {
  return pages<Item, Page<Item>>(
    (at) => json(path, { query: { ...(query as Ask["query"]), cursor: at }, ...(signal && { signal }) }),
    cursor,
  );
}

function serverCalls(json: ReadJson): Pick<Client, "health" | "workflows" | "workflow"> {
  return {
    health: () =>
      json<Health>("/health").catch((error: unknown) => {
        if (error instanceof FanfoldError && error.code === "degraded")
          return { ...(error.details as unknown as Health), status: "degraded" };
        throw error;
      }),
    workflows: async () => (await json<Page<WorkflowInfo>>("/workflows")).items,
    workflow: (name) => json(`/workflows/${encodeURIComponent(name)}`),
  };
}

type StartCalls = "start" | "submit" | "submitWire" | "openJob" | "handle";
type ReadCalls = Omit<Client, StartCalls | "run">;
/** Adds the calls that start jobs to those that read, which their handles use. */
function withStarts(calls: ReadCalls, json: ReadJson, { pace = DEFAULT_PACE }: ClientOptions): Client {
  const started = (answer: Submitted) => jobHandle(client, answer, pace);
  const post = async (
    path: string,
    body: object,
    { timeoutSeconds, idempotencyKey }: StartOptions,
    query: Record<string, boolean | undefined> = {},
  ) =>
    started(
      await json<Submitted>(path, {
        method: "POST",
        query,
        json: { ...body, ...(timeoutSeconds !== undefined && { timeoutSeconds }) },
        headers: { "Idempotency-Key": idempotencyKey },
      }),
    );
  const start = (workflow: string | AnyWorkflow, fields: object = {}, options: StartWorkflowOptions = {}) =>
    post(startPath(workflowNameOf(workflow)), { fields }, options, { supervised: options.supervised || undefined });
  const submit = (work: unknown, options: StartOptions = {}) =>
    post("/jobs", { canvas: encodeCanvas(canvasOf(work)) }, options);
  /** Without fields a text is the id of a run. */
  const run = async (work: unknown, given?: object, options: StartWorkflowOptions & ReadOptions = {}) => {
    if (typeof work === "string" && given === undefined) return json<Run>(runPath(work));
    const isNamed = typeof work === "string" || isWorkflow(work);
    const { jobId } = await (isNamed ? start(work, given, options) : submit(work, given));
    const read = isNamed ? options : (given as ReadOptions | undefined);
    return valueOf(client, await waitForJob(client, jobId, pace, read), read);
  };
  const client: Client = {
    ...calls,
    start: start as Client["start"],
    submit,
    submitWire: (canvas, options = {}) => post("/jobs", { canvas }, options),
    openJob: ({ body, policy, items } = {}, options = {}) => {
      const ofItems = items && { ...items, input: "items", each: encodeCanvas(canvasOf(items.each)) };
      const request = {
        ...ofItems,
        ...(body && { body: encodeCanvas(canvasOf(body)) }),
        ...(policy !== undefined && { policy }),
      };
      return post("/jobs", request, options, { input: true });
    },
    run: run as Client["run"],
    handle: (jobId) => jobHandle(client, { jobId }, pace),
  };
  return client;
}

function planCalls(json: ReadJson): Pick<Client, "plan" | "planWire" | "planWorkflow"> {
  const estimate = (path: string, body: object, { secondsPerTask, timeoutSeconds }: PlanOptions) =>
    json<JobPlan>(path, {
      method: "POST",
      query: { plan: true, secondsPerTask },
      json: { ...body, ...(timeoutSeconds !== undefined && { timeoutSeconds }) },
    });
  return {
    plan: (canvas, given = {}) => estimate("/jobs", { canvas: encodeCanvas(canvasOf(canvas)) }, given),
    planWire: (canvas, given = {}) => estimate("/jobs", { canvas }, given),
    planWorkflow: (workflow: string, fields: JsonObject = {}, given: PlanOptions = {}) =>
      estimate(startPath(workflow), { fields }, given),
  };
}

function inputCalls(options: ClientOptions): Pick<Client, "putInput" | "putItems" | "sealInput"> {
  return {
    async putInput(jobId, page, items) {
      await ask(options, `${jobPath(jobId)}/input/${page}`, {
        method: "PUT",
        lines: items.map((item) => JSON.stringify(encodeCanvas(item))),
      });
    },
    async putItems(jobId, page, items) {
      await ask(options, `${jobPath(jobId)}/input/${page}`, {
        method: "PUT",
        lines: items.map((item) => JSON.stringify(item)),
      });
    },
    async sealInput(jobId, pages) {
      await ask(options, `${jobPath(jobId)}/input/seal`, { method: "POST", json: { pages } });
    },
  };
}

type JobCalls = Pick<
  Client,
  | "job"
  | "jobs"
  | "runs"
  | "reports"
  | "results"
  | "events"
  | "graph"
  | "graphDot"
  | "graphMermaid"
  | "cancel"
  | "sendEvent"
>;
function jobCalls(options: ClientOptions, json: ReadJson): JobCalls {
  const graphText = async (jobId: string, format: string, { run, ...read }: ReadOptions & GraphOptions = {}) =>
    (await ask(options, `${jobPath(jobId)}/graph`, { ...read, query: { format, run } })).text();
  return {
    job: (jobId, read = {}) => json(jobPath(jobId), read),
    jobs: ({ stamp, ...filter } = {}) =>
      list(json, "/jobs", { ...filter, stamp: stamp && stampParameter(stamp.name, stamp.value) }),
    runs: (jobId, { stamps, ...filter } = {}) =>
      list(json, `${jobPath(jobId)}/runs`, { ...filter, stamp: stamps && stampParameters(stamps) }),
    reports: (jobId, filter = {}) => list(json, `${jobPath(jobId)}/reports`, { ...filter }),
    async *results(jobId, { from, ...read } = {}) {
      yield* readParts<ResultEntry>(options, `${jobPath(jobId)}/results`, { ...read, query: { from } });
    },
    async *events(jobId, { follow, ...read } = {}) {
      yield* readParts<JobEvent>(options, `${jobPath(jobId)}/events`, {
        ...read,
        query: { follow: follow || undefined },
      });
    },
    graph: (jobId, { run, ...read } = {}) => json(`${jobPath(jobId)}/graph`, { ...read, query: { run } }),
    graphDot: (jobId, given) => graphText(jobId, "dot", given),
    graphMermaid: (jobId, given) => graphText(jobId, "mermaid", given),
    async cancel(jobId, only) {
      const query = only && { stamp: stampParameters(only.stamps) };
      // Without a stamp the request would cancel the whole job.
      if (query?.stamp.length === 0)
        throw new FanfoldError("invalid_request", "name a stamp and its value", { details: { field: "stamps" } });
      return (
        await json<{ cancelled: boolean }>(`${jobPath(jobId)}/cancel`, { method: "POST", ...(query && { query }) })
      ).cancelled;
    },
    sendEvent: async (jobId, name, value) =>
      (
        await json<{ sent: boolean }>(`${jobPath(jobId)}/events/${encodeURIComponent(name)}`, {
          method: "POST",
          json: { value },
        })
      ).sent,
  };
}

function runCalls(json: ReadJson): Pick<Client, "group" | "cancelRun" | "complete"> {
  return {
    group: (groupId, read = {}) => json(`/groups/${encodeURIComponent(groupId)}`, read),
    cancelRun: async (id) =>
      (await json<{ cancelled: boolean }>(`${runPath(id)}/cancel`, { method: "POST" })).cancelled,
    complete: async (runId, token, answer) =>
      (await json<{ completed: boolean }>(`${runPath(runId)}/complete`, { method: "POST", json: { token, ...answer } }))
        .completed,
  };
}

type FailureCalls =
  | "failures"
  | "identities"
  | "scheduleRun"
  | "forgetRun"
  | "locks"
  | "waits"
  | "deadLetters"
  | "deadLetter"
  | "redriveDeadLetters"
  | "purgeDeadLetters";
function failureCalls(json: ReadJson): Pick<Client, FailureCalls> {
  return {
    failures: (filter = {}) => list(json, "/failures", { ...filter }),
    identities: (filter) => list(json, "/identities", { ...filter }),
    waits: (filter = {}) => list(json, "/waits", { ...filter }),
    scheduleRun: (work, { retry, queueNow, deleteExtraDeps } = {}) => {
      const body = { canvas: encodeCanvas(canvasOf(work)), retry, queueNow, deleteExtraDeps };
      return json("/identities", { method: "POST", json: body });
    },
    forgetRun: (work) => json("/identities/forget", { method: "POST", json: { canvas: encodeCanvas(canvasOf(work)) } }),
    locks: (filter = {}) => list(json, "/locks", { ...filter }),
    deadLetters: (filter = {}) => list(json, "/dead-letters", { ...filter }),
    deadLetter: (id) => json(`/dead-letters/${encodeURIComponent(id)}`),
    redriveDeadLetters: (action = {}) => json("/dead-letters/redrive", { method: "POST", json: action }),
    purgeDeadLetters: (action = {}) => json("/dead-letters/purge", { method: "POST", json: action }),
  };
}

function retryCalls(json: ReadJson): Pick<Client, "retry" | "previewRetry" | "retryRun" | "retryAll"> {
  const post = <T>(
    path: string,
    { idempotencyKey, ...body }: (RetryOptions | RetryAllOptions) & { readonly dryRun?: boolean },
  ) => json<T>(`${path}/retry`, { method: "POST", json: body, headers: { "Idempotency-Key": idempotencyKey } });
  return {
    retry: (jobId, options = {}) => post<Retried>(jobPath(jobId), options),
    previewRetry: (jobId, selection = {}) => post<RetryPreview>(jobPath(jobId), { ...selection, dryRun: true }),
    retryRun: (id, options = {}) => post<Retried>(runPath(id), options),
    retryAll: (options) => post<RetriedJobs>("/runs", options),
  };
}

type ScheduleCalls =
  | "schedules"
  | "schedule"
  | "putSchedule"
  | "deleteSchedule"
  | "pauseSchedule"
  | "resumeSchedule"
  | "triggerSchedule";
function scheduleCalls(json: ReadJson): Pick<Client, ScheduleCalls> {
  const pathOf = (name: string): string => `/schedules/${encodeURIComponent(name)}`;
  return {
    schedules: (filter = {}) => list(json, "/schedules", { ...filter }),
    schedule: (name) => json(pathOf(name)),
    putSchedule: (name, spec) => json(pathOf(name), { method: "PUT", json: spec }),
    async deleteSchedule(name) {
      await json(pathOf(name), { method: "DELETE" });
    },
    pauseSchedule: (name) => json(`${pathOf(name)}/pause`, { method: "POST" }),
    resumeSchedule: (name) => json(`${pathOf(name)}/resume`, { method: "POST" }),
    triggerSchedule: (name, { idempotencyKey } = {}) =>
      json(`${pathOf(name)}/trigger`, { method: "POST", headers: { "Idempotency-Key": idempotencyKey } }),
  };
}

function pauseCalls(json: ReadJson): Pick<Client, "pause" | "resume" | "pauses" | "queues" | "sites" | "statistics"> {
  const pathOf = ({ kind, name }: PauseTarget): string => `/pauses/${kind}/${encodeURIComponent(name)}`;
  return {
    pause: (target) => json(pathOf(target), { method: "PUT" }),
    resume: async (target) => (await json<{ resumed: boolean }>(pathOf(target), { method: "DELETE" })).resumed,
    queues: async () => (await json<{ items: readonly Queue[] }>("/queues")).items,
    sites: async () => (await json<{ items: readonly Site[] }>("/sites")).items,
    statistics: (filter = {}) => json("/stats", { query: { ...filter } }),
    pauses: async () => (await json<{ items: readonly Pause[] }>("/pauses")).items,
  };
}

/** Returns a stamp as a query parameter. The value is JSON, so that a string of digits stays a string. */
const stampParameter = (name: string, value: Json): string => `${name}:${canonicalJson(value)}`;
const stampParameters = (stamps: StampFilter): string[] =>
  Object.entries(stamps).flatMap(([name, values]) => values.map((value) => stampParameter(name, value)));
const startPath = (workflow: string): string => `/workflows/${encodeURIComponent(workflow)}/jobs`;
const runPath = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;
const jobPath = (jobId: string): string => `/jobs/${encodeURIComponent(jobId)}`;
