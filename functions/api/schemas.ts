import * as z from "zod";
import { ofIdentity } from "./cause-schemas.ts";
import { JOB_STATES } from "../core/job-state.ts";
import { LIMITS } from "../core/limits.ts";
import { RUN_STATUSES } from "../core/plan/run-state.ts";
import { itemCounts } from "./item-schemas.ts";

/** Named schemas, which the OpenAPI document lists under `#/components/schemas`. */
export const components = z.registry<{ id: string; description?: string }>();
/** JSON Schema to show in place of the derived one, for values checked elsewhere, or sent as text. */
export const documentation = z.registry<{ schema: { readonly [key: string]: unknown } }>();
export const milliseconds = z.number().describe("Milliseconds since the epoch");
export const json: z.ZodType = z
  .unknown()
  .register(components, { id: "Json", description: `Any JSON, nested at most ${LIMITS.jsonDepth} levels deep` });
export const counts = z
  .record(z.string(), z.number())
  .register(components, { id: "Counts", description: "Task runs by outcome; counters of user code as `u_<name>`" });
export const jobState = z.enum(JOB_STATES).register(components, { id: "JobState" });
export const runStatus = z.enum(RUN_STATUSES).register(components, { id: "RunStatus" });

const errorCause: z.ZodType = z
  .object({
    name: z.string(),
    message: z.string(),
    reason: z.string().optional(),
    cause: z.lazy(() => errorCause.optional()),
  })
  .register(components, { id: "ErrorCause", description: "The cause of an error; at most three are kept" });
export const errorData = z
  .object({
    name: z.string(),
    message: z.string(),
    stack: z.string().optional(),
    reason: z.string().optional().describe("Stable machine-readable reason, for instance `timeout`"),
    retryable: z.boolean().optional(),
    details: json.optional().describe("What the thrower added; above 1,000 characters the beginning of its text"),
    cause: errorCause.optional(),
    runId: z.string().optional().describe("The run that failed first"),
  })
  .register(components, { id: "ErrorData", description: "Whatever user code threw" });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe("Stable; docs/errors.md lists all codes"),
    retryable: z.boolean(),
    field: z
      .string()
      .optional()
      .describe(
        "A JSON pointer into the body, `?name` for a query parameter, `{name}` for a part of the path, or the name of a header",
      ),
    details: json.optional(),
  })
  .register(components, { id: "Problem", description: "RFC 9457 problem details. Nothing was stored." });

export const failurePolicy = z
  .union([
    z.enum(["allSuccess", "settled", "failFast"]),
    z.strictObject({ threshold: z.int().min(0) }),
    z.strictObject({ percent: z.number().min(0).max(100) }),
  ])
  .register(components, { id: "FailurePolicy" });
export const submitted = z
  .object({
    jobId: z.string(),
    created: z.boolean().describe("false: the Idempotency-Key met an earlier start, this is its job"),
  })
  .register(components, { id: "Submitted" });

export const startOutcomes = z
  .object({ items: z.array(z.union([submitted, z.object({ error: problem })])) })
  .register(components, { id: "StartOutcomes", description: "One outcome for each line, in order" });

const units = z.number().describe("Write units");
const writeUnits = z.object({
  total: units,
  rows: units,
  ledger: units,
  headers: units,
  plan: units,
  jobs: units.describe("Job item, lists, events, progress"),
});
const price = z
  .object({
    date: z.string().describe("Of the price table"),
    region: z.string(),
    parts: z.object({
      rows: z.number(),
      ledger: z.number(),
      headers: z.number(),
      plan: z.number(),
      jobs: z.number(),
      statistics: z.number(),
      reads: z.number(),
      queue: z.number(),
      functions: z.number(),
    }),
    total: z.number(),
  })
  .register(components, { id: "Price", description: "List prices on AWS in US dollars, without free tiers" });
export const jobEstimate = z
  .object({
    taskRuns: z.number().describe("Runs of user code that are known now"),
    members: z.number(),
    groups: z.number(),
    ledgerHeight: z.number(),
    messages: z.object({ total: z.number(), byQueue: z.record(z.string(), z.number()) }),
    requests: z
      .object({ total: z.number(), send: z.number(), receive: z.number(), delete: z.number() })
      .describe("Calls of the queues, ten messages each"),
    writeUnits,
    statisticsUnits: z.number().describe("Write units of statistics: three for each receive of runs of one task"),
    readUnitsAtMost: z.number(),
    blobs: z.number(),
    secondsPerTask: z.number().describe("Assumed of every task"),
    price,
    time: z
      .object({
        seconds: z.number().describe("On tables that have carried such traffic before"),
        secondsOnNewTables: z.number(),
        limitedBy: z.string(),
        bounds: z.array(z.object({ by: z.string(), seconds: z.number() })),
      })
      .describe("The quotas let it not be over before"),
    notes: z.array(z.string()).describe("What the counts leave open; empty: they are exact, if nothing fails"),
    grows: z.boolean().describe("Tasks stream children, or input follows: more than is known now"),
    dominates: z.string(),
  })
  .register(components, { id: "JobPlan", description: "What a job would take. Nothing was started or stored." });
const jobCost = z
  .object({
    measured: z.object({ taskRuns: z.number(), failed: z.number() }).describe("By the job's own counters"),
    computed: z
      .object({
        spawnedRuns: z.number().describe("Task runs that the plan did not know, computed as members of one group"),
        missingRuns: z.number().describe("Task runs of the plan that did not happen; their share is taken off"),
        messages: z.number(),
        requests: z.number(),
        writeUnits,
        readUnitsAtMost: z.number(),
        blobs: z.number(),
        price: price.describe("As if tasks took no time"),
      })
      .describe("From the plan, by the model that also tells it before the job runs"),
  })
  .register(components, { id: "JobCost" });

const firedBy = z
  .object({ name: z.string(), at: milliseconds, element: z.string().optional().describe("The value of forEach") })
  .describe("The firing of a schedule that started the job, with its nominal time");
export const job = z
  .object({
    jobId: z.string(),
    workflow: z.string().optional(),
    parameters: json.optional(),
    schedule: firedBy.optional(),
    state: jobState,
    round: z.number().describe("Raised by each retry of what failed"),
    createdAt: milliseconds,
    endedAt: milliseconds.optional(),
    deadlineAt: milliseconds,
    counts,
    countsExact: z.boolean(),
    items: itemCounts.optional(),
    planned: z.number().describe("Task runs known so far; grows while the job spawns"),
    pending: z.number().optional().describe("Runs that wait for room in a queue. Not in lists, never 0"),
    cost: jobCost.optional().describe("Of an ended job whose counts are exact. Not in lists"),
    outcome: z.enum(["complete", "failed", "cancelled", "timeout"]).optional(),
    error: errorData.optional(),
    value: json
      .optional()
      .describe("When the job has ended well and its value is not a group; a group's are read with /results"),
  })
  .register(components, { id: "Job" });
export const startedOrEstimate = z.union([submitted, jobEstimate]);
const runDetail = z
  .object({
    attempt: z.string().describe("`<round>.<attempt>`"),
    stack: z.string().optional(),
    log: z.array(json).describe("Lines `{ at, level, message, fields? }`"),
    dropped: z.int().describe("Lines left out between the first and the last"),
  })
  .register(components, { id: "RunDetail" });

export const run = z
  .object({
    runId: z.string(),
    jobId: z.string(),
    groupId: z.string(),
    index: z.int(),
    step: z.int(),
    task: z.string().optional().describe("Absent for steps that the engine runs itself"),
    status: runStatus,
    round: z.int(),
    attempt: z.int(),
    queuedAt: milliseconds.optional(),
    startedAt: milliseconds.optional(),
    endedAt: milliseconds.optional(),
    error: errorData.optional(),
    value: json.optional(),
    childGroup: z.string().optional(),
    collects: z.string().optional().describe("Its value is the results of this group"),
    takes: z
      .enum(["own", "group", "replace", "extras", "answer"])
      .optional()
      .describe("What its value is once its child group has ended"),
    next: z.literal(true).optional().describe("Something follows when it ends well"),
    followed: z
      .literal(true)
      .optional()
      .describe("Of a part of a graph that another part follows; its result is none of the graph's"),
    wait: z
      .object({
        of: z.enum(["approval", "event", "execution"]),
        name: z.string().describe("Of an execution: its state machine"),
        token: z.string().optional(),
        execution: z.string().optional().describe("Its name"),
        expiresAt: milliseconds.optional(),
      })
      .optional()
      .describe(
        "Somebody is asked, or a state machine works. The token is what POST /runs/{id}/complete wants; it and the expiry only where one run is asked for",
      ),
    unmet: z
      .array(
        z.object({
          of: z.enum(["event", "run", "node", "lock", "concurrency", "rate"]),
          name: z
            .string()
            .describe(
              "Of the event, the id of the run whose end it takes over or that it follows in a graph, or the key of the lock or limit",
            ),
          expiresAt: milliseconds.optional(),
        }),
      )
      .optional()
      .describe("Of a deferred run: what its task cannot go on without. A wait for a rate ends when the run may start"),
    adopts: z
      .object({ runId: z.string(), round: z.int(), reused: z.boolean() })
      .optional()
      .describe("The shared run of the same task and arguments whose end it takes over; `reused`: it had ended before"),
    dependencies: z
      .array(
        z.object({
          name: z.string().optional(),
          runId: z.string(),
          task: z.string().optional(),
          status: runStatus.optional(),
          changed: z.literal(true).optional().describe("It has ended otherwise since it was consumed"),
        }),
      )
      .optional()
      .describe("Shared runs that it waits for or has consumed. Only where one run is asked for, as are dependents"),
    dependents: z.array(z.string()).optional().describe("Runs that depend on this shared run, at most 100"),
    ...ofIdentity,
    cause: z
      .array(z.string())
      .optional()
      .describe("Shared runs that have ended otherwise, so that this one runs again: the first one first"),
    stamps: z.record(z.string(), json).optional(),
    each: z.enum(["map", "starmap"]).optional(),
    args: z.array(json).optional().describe("Of the signature. Only where one run is asked for, as are the next two"),
    kwargs: z.record(z.string(), json).optional(),
    inputOf: z
      .string()
      .optional()
      .describe("The run whose value, or failure, is put before the arguments; of a wait, the run that it is about"),
    detail: runDetail.optional().describe("Of the last attempt that wrote any. Only where one run is asked for"),
    earlier: z.array(runDetail).optional(),
  })
  .register(components, { id: "Run" });

export const cursor = z.string().optional().describe("Present when more may follow: send it back as ?cursor");
export const jobPage = z.object({ items: z.array(job), cursor }).register(components, { id: "JobPage" });
export const runPage = z.object({ items: z.array(run), cursor }).register(components, { id: "RunPage" });

export const resultEntry = z
  .object({
    index: z.int(),
    runId: z.string(),
    status: z.enum(["success", "skipped", "error", "broken", "cancelled"]),
    value: json.optional(),
    error: errorData.optional(),
  })
  .register(components, { id: "ResultEntry" });
export const jobEvent = z
  .object({
    at: milliseconds,
    kind: z.enum(["state", "failure", "retried"]),
    round: z.number().optional(),
    state: jobState.optional(),
    runId: z.string().optional(),
    task: z.string().optional(),
    error: errorData.optional(),
  })
  .register(components, { id: "JobEvent" });

const graphStatus = z.enum([...RUN_STATUSES, "open", "complete", "failed", "timeout", "dropped"]);
export const jobGraph = z
  .object({
    nodes: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(["run", "group", "fold"]),
        label: z.string(),
        status: graphStatus,
        round: z.int().optional().describe("Above 0: the round in which a retry took it up"),
        count: z.int().optional().describe("Of a fold: how many members or steps it stands for"),
        byStatus: counts.optional(),
      }),
    ),
    edges: z.array(
      z.object({ from: z.string(), to: z.string(), kind: z.enum(["next", "member", "joins", "link", "linkError"]) }),
    ),
  })
  .register(components, { id: "JobGraph" });

export const workflow = z
  .object({
    name: z.string(),
    description: z.string(),
    parametersSchema: json.describe("JSON Schema of the fields it is started with"),
  })
  .register(components, { id: "Workflow" });
export const workflowList = z.object({ items: z.array(workflow) }).register(components, { id: "WorkflowList" });
export const cancelled = z
  .object({ jobId: z.string(), cancelled: z.boolean().describe("false: the job had already ended") })
  .register(components, { id: "Cancelled" });
export const runCancelled = z
  .object({ runId: z.string(), cancelled: z.boolean().describe("false: the run had already ended") })
  .register(components, { id: "RunCancelled" });
export const runCompleted = z
  .object({
    runId: z.string(),
    completed: z.boolean().describe("false: it was answered before, or had ended otherwise"),
  })
  .register(components, { id: "RunCompleted" });
export const eventSent = z
  .object({
    jobId: z.string(),
    name: z.string(),
    sent: z
      .boolean()
      .describe("false: the job had been sent an event of this name before, whose value stays, or it has ended"),
  })
  .register(components, { id: "EventSent" });
export const pageStored = z.object({ page: z.int(), items: z.int() }).register(components, { id: "PageStored" });
export const inputSealed = z.object({ pages: z.int() }).register(components, { id: "InputSealed" });

/** The name of an event in a path. Core checks it, as it checks all names. */
export const eventName = z
  .string()
  .max(1_000)
  .register(documentation, {
    schema: {
      type: "string",
      minLength: 1,
      maxLength: LIMITS.nameCharacters,
      pattern: "^[^\\s\\u0000-\\u001f\\u007f-\\u009f\\ufeff]+$",
    },
  });
