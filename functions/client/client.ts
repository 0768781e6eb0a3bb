import { encodeCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import { canonicalJson, type Json } from "../core/json.ts";
import type { Stamp, StampFilter } from "../core/plan/stamps.ts";
import { ask, type ClientOptions, readParts } from "./transport.ts";
import type { Job, JobEvent, JobGraph, JobPlan, JobState, JsonObject, Page, ResultEntry, Run, RunStatus, Submitted, WorkflowInfo } from "./types.ts";

export type { ClientOptions } from "./transport.ts";

export interface StartOptions {
  /** The same key with the same body gives the same job; with another body `idempotency_conflict`. */
  readonly idempotencyKey?: string;
  /** Seconds until the job is `timed-out`. */
  readonly timeoutSeconds?: number;
}
export interface StartWorkflowOptions extends StartOptions {
  /** `true`: a state machine starts the job and waits for its end; only on AWS. The job can be read a moment later. */
  readonly supervised?: boolean;
}
export interface PageFilter {
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
  /** Of the page before. */
  readonly cursor?: string;
}
export interface ReadOptions {
  readonly signal?: AbortSignal;
}

export interface PlanOptions extends Pick<StartOptions, "timeoutSeconds"> {
  /** Assumed of every task; default 0.1. */
  readonly secondsPerTask?: number;
}

/** A Fanfold server. Every method throws FanfoldError with the server's code. */
export interface Client {
  health(): Promise<{ readonly status: string; readonly version: string }>;
  workflows(): Promise<readonly WorkflowInfo[]>;
  workflow(name: string): Promise<WorkflowInfo>;
  /** Starts a workflow by name. */
  start(workflow: string, fields?: JsonObject, options?: StartWorkflowOptions): Promise<Submitted>;
  /** Starts a canvas. */
  submit(canvas: Canvas, options?: StartOptions): Promise<Submitted>;
  /** Starts a canvas in its wire form, of unknown origin; the server checks it. */
  submitWire(canvas: unknown, options?: StartOptions): Promise<Submitted>;
  /** What a canvas would take as a job, and cost on AWS. Starts nothing, and refuses what `submit` refuses. */
  plan(canvas: Canvas, options?: PlanOptions): Promise<JobPlan>;
  /** As `plan`, of a canvas in its wire form. */
  planWire(canvas: unknown, options?: PlanOptions): Promise<JobPlan>;
  /** As `plan`, of a workflow. */
  planWorkflow(workflow: string, fields?: JsonObject, options?: PlanOptions): Promise<JobPlan>;
  /** A job whose items follow with `putInput`; `body` receives their results. */
  openJob(request?: { readonly body?: Canvas; readonly policy?: FailurePolicy }, options?: StartOptions): Promise<Submitted>;
  /** At most 4,096 items and 4 MB. Repeating a page is harmless. */
  putInput(jobId: string, page: number, items: readonly Canvas[]): Promise<void>;
  sealInput(jobId: string, pages: number): Promise<void>;
  job(jobId: string, options?: ReadOptions): Promise<Job>;
  /** `stamp`: jobs whose canvas carries it. */
  jobs(filter?: PageFilter & { readonly state?: JobState; readonly stamp?: Stamp }): Promise<Page<Job>>;
  /** `stamps`: runs that carry one of the values of one of these. */
  runs(jobId: string, filter?: PageFilter & { readonly status?: RunStatus; readonly stamps?: StampFilter }): Promise<Page<Run>>;
  run(runId: string): Promise<Run>;
  /** Of an ended job (else `job_unfinished`), in order. Streams. */
  results(jobId: string, options?: ReadOptions): AsyncGenerator<ResultEntry, void, undefined>;
  /** Oldest first; `follow` goes on until the job has ended. */
  events(jobId: string, options?: ReadOptions & { readonly follow?: boolean }): AsyncGenerator<JobEvent, void, undefined>;
  graph(jobId: string): Promise<JobGraph>;
  /** In the language of Graphviz. */
  graphDot(jobId: string): Promise<string>;
  /** `stamps`: only the runs that carry one of the values of one of these, those that come later included. `false`: the job had already ended. */
  cancel(jobId: string, only?: { readonly stamps: StampFilter }): Promise<boolean>;
  /** Revokes a run and what would have followed it in its strand, or, by the id of a group, the run that waits for it. `false`: it had already ended. */
  cancelRun(id: string): Promise<boolean>;
  /** Answers a run that waits for an approval or for work done elsewhere, with the token that the run shows. `false`: it was answered before. */
  complete(
    runId: string,
    token: string,
    answer: { readonly value: Json } | { readonly error: { readonly name: string; readonly message: string } },
  ): Promise<boolean>;
  /** Gives the value to every run of the job that waits for the event. `false`: there was one of this name before, and it stays. */
  sendEvent(jobId: string, name: string, value: Json): Promise<boolean>;
}

/**
 * A client of the HTTP API, over `fetch`.
 * @example
 * const client = createClient({ url: "http://127.0.0.1:7420", token });
 * const { jobId } = await client.start("inventory", { folder: "/data" });
 */
export function createClient(options: ClientOptions): Client {
  const json = async <T>(...request: Parameters<typeof ask> extends [unknown, ...infer Rest] ? Rest : never): Promise<T> =>
    (await (await ask(options, ...request)).json()) as T;
  const post = (path: string, body: unknown, start: StartOptions, query: Record<string, boolean | undefined> = {}) =>
    json<Submitted>(path, {
      method: "POST",
      query,
      json: { ...(body as object), ...(start.timeoutSeconds !== undefined && { timeoutSeconds: start.timeoutSeconds }) },
      headers: { "Idempotency-Key": start.idempotencyKey },
    });
  const plan = (path: string, body: object, { secondsPerTask, timeoutSeconds }: PlanOptions) =>
    json<JobPlan>(path, { method: "POST", query: { plan: true, secondsPerTask }, json: { ...body, ...(timeoutSeconds !== undefined && { timeoutSeconds }) } });
  return {
    health: () => json("/health"),
    workflows: async () => (await json<Page<WorkflowInfo>>("/workflows")).items,
    workflow: (name) => json(`/workflows/${encodeURIComponent(name)}`),
    start: (workflow, fields = {}, { supervised, ...start } = {}) =>
      post(`/workflows/${encodeURIComponent(workflow)}/jobs`, { fields }, start, { supervised: supervised || undefined }),
    submit: (canvas, start = {}) => post("/jobs", { canvas: encodeCanvas(canvas) }, start),
    submitWire: (canvas, start = {}) => post("/jobs", { canvas }, start),
    plan: (canvas, given = {}) => plan("/jobs", { canvas: encodeCanvas(canvas) }, given),
    planWire: (canvas, given = {}) => plan("/jobs", { canvas }, given),
    planWorkflow: (workflow, fields = {}, given = {}) => plan(`/workflows/${encodeURIComponent(workflow)}/jobs`, { fields }, given),
    openJob: ({ body, policy } = {}, start = {}) =>
      post("/jobs", { ...(body && { body: encodeCanvas(body) }), ...(policy !== undefined && { policy }) }, start, { input: true }),
    async putInput(jobId, page, items) {
      await ask(options, `${jobPath(jobId)}/input/${page}`, { method: "PUT", lines: items.map(encodeCanvas) });
    },
    async sealInput(jobId, pages) {
      await ask(options, `${jobPath(jobId)}/input/seal`, { method: "POST", json: { pages } });
    },
    job: (jobId, read = {}) => json(jobPath(jobId), read),
    jobs: ({ stamp, ...filter } = {}) => json("/jobs", { query: { ...filter, stamp: stamp && stampParameter(stamp.name, stamp.value) } }),
    runs: (jobId, { stamps, ...filter } = {}) => json(`${jobPath(jobId)}/runs`, { query: { ...filter, stamp: stamps && stampParameters(stamps) } }),
    run: (runId) => json(runPath(runId)),
    async *results(jobId, read = {}) {
      yield* readParts<ResultEntry>(options, `${jobPath(jobId)}/results`, read);
    },
    async *events(jobId, { follow, ...read } = {}) {
      yield* readParts<JobEvent>(options, `${jobPath(jobId)}/events`, { ...read, query: { follow: follow || undefined } });
    },
    graph: (jobId) => json(`${jobPath(jobId)}/graph`),
    graphDot: async (jobId) => (await ask(options, `${jobPath(jobId)}/graph`, { query: { format: "dot" } })).text(),
    async cancel(jobId, only) {
      const query = only && { stamp: stampParameters(only.stamps) };
      // Without a stamp the request would cancel the whole job.
      if (query?.stamp.length === 0) throw new FanfoldError("invalid_request", "name a stamp and its value", { details: { field: "stamps" } });
      return (await json<{ cancelled: boolean }>(`${jobPath(jobId)}/cancel`, { method: "POST", ...(query && { query }) })).cancelled;
    },
    cancelRun: async (id) => (await json<{ cancelled: boolean }>(`${runPath(id)}/cancel`, { method: "POST" })).cancelled,
    complete: async (runId, token, answer) =>
      (await json<{ completed: boolean }>(`${runPath(runId)}/complete`, { method: "POST", json: { token, ...answer } })).completed,
    sendEvent: async (jobId, name, value) =>
      (await json<{ sent: boolean }>(`${jobPath(jobId)}/events/${encodeURIComponent(name)}`, { method: "POST", json: { value } })).sent,
  };
}

/** JSON, so that a text which looks like a number stays one. */
const stampParameter = (name: string, value: Json): string => `${name}:${canonicalJson(value)}`;
const stampParameters = (stamps: StampFilter): string[] =>
  Object.entries(stamps).flatMap(([name, values]) => values.map((value) => stampParameter(name, value)));
const runPath = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;
const jobPath = (jobId: string): string => `/jobs/${encodeURIComponent(jobId)}`;
